//go:build race

package simulate

func init() { raced = true }

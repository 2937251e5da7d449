package archive

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
)

// MaxLine bounds one line, in bytes; CloudWatch's events are smaller.
const MaxLine = 2 << 20

// Told is what reading came across.
type Told struct {
	Lines      int      // that are not empty
	Alerts     int      // that were read
	Other      int      // records of something else
	Unreadable int      // deliveries that were no alert, and so cannot be played
	Old        int      // decisions that were recorded before the record had what a decision reads
	Broken     int      // lines that are none of these
	First      []string // where the first broken lines are, and why: at most 3

	line int // the one that is being read
}

func (t *Told) broken(why string) {
	t.Broken++
	if len(t.First) < 3 {
		t.First = append(t.First, fmt.Sprintf("line %d: %s", t.line, why))
	}
}

// Skipped says in words what was left out; "" when nothing was.
func (t Told) Skipped() string {
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(t.Broken, "broken")
	add(t.Old, "from before the record had what a decision reads")
	add(t.Unreadable, "of deliveries that were no alert")
	add(t.Other, "of something else")
	if len(parts) == 0 {
		return ""
	}
	words := "skipped: " + strings.Join(parts, ", ")
	if len(t.First) > 0 {
		words += " (" + strings.Join(t.First, "; ") + ")"
	}
	return words
}

// eachLine hands over each line that is not empty. One that is too long is broken. What is compressed with gzip, as
// CloudWatch's exports are, is unpacked.
func eachLine(r io.Reader, told *Told, use func(line []byte)) error {
	unpacked, err := Unpacked(bufio.NewReaderSize(r, 64<<10))
	if err != nil {
		return err
	}
	b := bufio.NewReaderSize(unpacked, 64<<10)
	var line []byte
	long := false
	for {
		part, err := b.ReadSlice('\n')
		if long = long || len(line)+len(part) > MaxLine; !long {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		told.line++
		switch text := bytes.TrimSpace(line); {
		case long:
			told.Lines++
			told.broken(fmt.Sprintf("it is longer than %d MiB", MaxLine>>20))
		case len(text) > 0:
			told.Lines++
			use(text)
		}
		line, long = line[:0], false
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("it cannot be read beyond line %d: %w", told.line, err)
		}
	}
}

// Unpacked reads what is compressed with gzip as it was before, and all else as it is. Its error says that a text only
// looks compressed.
func Unpacked(b *bufio.Reader) (io.Reader, error) {
	if magic, _ := b.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return b, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, fmt.Errorf("it looks compressed with gzip, and is not: %w", err)
	}
	return z, nil
}

// Skip counts a broken line, and keeps where the first ones are and why.
func (t *Told) Skip(line int, why string) {
	t.line = line
	t.broken(why)
}

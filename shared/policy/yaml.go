package policy

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits of a file, far above what a team writes: they bound what a function does before its first alert.
const (
	maxSize  = 64 << 10 // bytes
	maxDepth = 20       // brackets within brackets, lists within lists
)

// node is a part of the file. Only what a policy is made of can be one: mappings, lists, texts and numbers.
type node struct {
	kind  kind
	text  string // of a text, or a number as it is written
	at    pos
	pairs []pair
	items []node
}

type pair struct {
	key   string
	at    pos
	value node
}

type kind int

const (
	broken  kind = iota // said already
	nothing             // no value at all
	text
	number
	truth
	list
	mapping
)

// is says what stands there.
func (n node) is() string {
	switch n.kind {
	case nothing:
		return "there is no value"
	case text:
		return quote(n.text) + " is text"
	case number:
		return cut(n.text) + " is a number"
	case truth:
		return cut(n.text) + " is true or false"
	case list:
		return "this is a list"
	case mapping:
		return "this is a mapping"
	}
	return "this cannot be read"
}

// short writes the node on one line.
func (n node) short() string {
	var parts []string
	switch n.kind {
	case list:
		for _, item := range n.items {
			parts = append(parts, item.short())
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case mapping:
		for _, p := range n.pairs {
			parts = append(parts, p.key+": "+p.value.short())
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return n.text
}

// readYAML makes nodes of a file, and says what in it is no YAML, or more of it than a policy needs. An empty file is
// an empty mapping.
func readYAML(content []byte, p *problems) node {
	top := node{kind: mapping, at: pos{line: 1, col: 1}}
	if len(content) > maxSize {
		p.add(pos{}, "the file has %d bytes, and at most %d are read", len(content), maxSize)
		return top
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))             // editors of Windows put it there, and it is nothing
	content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")) // of which the library would count two lines
	if at, wrong := notText(content); wrong != "" {
		p.add(at, "%s", wrong)
		return top
	}
	file, err := parse(content)
	if err != nil {
		at, words := pos{}, err.Error()
		var syntax interface {
			error
			GetToken() *token.Token
			GetMessage() string
		}
		if errors.As(err, &syntax) {
			at, words = position(syntax.GetToken()), syntax.GetMessage()
		}
		if strings.Contains(words, "\t") {
			words = "a tab stands where only spaces can"
		}
		p.add(at, "this is no YAML: %s", words)
		return top
	}
	bodies := 0
	for _, d := range file.Docs {
		if d.Body == nil {
			continue
		}
		if _, there := d.Body.(*ast.DirectiveNode); there { // the library has it as a document of its own
			p.add(position(d.Body.GetToken()), "directives such as %%YAML are not read in a policy; leave it out")
			continue
		}
		if bodies++; bodies > 1 {
			p.add(position(d.Body.GetToken()), "a second document begins here; a policy is one document")
			break
		}
		top = convert(d.Body, p, 0)
	}
	return top
}

// notText says what keeps the content from being read at all, and where; "" where nothing does.
func notText(content []byte) (pos, string) {
	line, col := 1, 1
	for len(content) > 0 {
		r, size := utf8.DecodeRune(content)
		switch {
		case r == utf8.RuneError && size == 1 || r == 0:
			return pos{line: line, col: col}, "here stands what is no text in UTF-8; save the file as such"
		case r == '\r':
			return pos{line: line, col: col}, "a line ends here as on an old Mac, in CR alone; save the file with LF or CRLF"
		}
		if col++; r == '\n' {
			line, col = line+1, 1
		}
		content = content[size:]
	}
	return pos{}, ""
}

// parse reads YAML. The library has been seen to panic on broken files, and a policy that cannot be read must never be
// more than an error.
func parse(content []byte) (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the reader gives up (%v)", r)
		}
	}()
	if deep(content) {
		return nil, fmt.Errorf("more than %d brackets stand within each other", maxDepth)
	}
	return parser.ParseBytes(content, 0, parser.AllowDuplicateMapKey())
}

// deep tells whether brackets stand deeper in each other than any policy has them: the library needs time for each
// that grows with their number.
func deep(content []byte) bool {
	depth := 0
	for line := range bytes.Lines(content) {
		for i, c := range line {
			if c == '#' && (i == 0 || line[i-1] == ' ') {
				break
			}
			switch c {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(depth-1, 0)
			}
			if depth > maxDepth {
				return true
			}
		}
	}
	return false
}

func position(t *token.Token) pos {
	if t == nil || t.Position == nil {
		return pos{}
	}
	return pos{line: t.Position.Line, col: t.Position.Column}
}

// convert makes a node of the library's.
func convert(n ast.Node, p *problems, depth int) node {
	if n == nil {
		return node{kind: nothing}
	}
	at := position(n.GetToken())
	if depth > maxDepth {
		p.add(at, "lists and mappings stand within each other more than %d deep", maxDepth)
		return node{at: at}
	}
	switch n := n.(type) {
	case *ast.NullNode:
		return node{kind: nothing, at: at}
	case *ast.StringNode:
		return node{kind: text, text: n.Value, at: at}
	case *ast.LiteralNode:
		if n.Value == nil {
			return node{kind: nothing, at: at}
		}
		return node{kind: text, text: n.Value.Value, at: at}
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return node{kind: number, text: n.GetToken().Value, at: at}
	case *ast.BoolNode:
		return node{kind: truth, text: n.GetToken().Value, at: at}
	case *ast.SequenceNode:
		all := node{kind: list, at: at}
		for _, v := range n.Values {
			all.items = append(all.items, placed(convert(v, p, depth+1), at))
		}
		return all
	case *ast.MappingNode:
		return convertMapping(n.Values, at, p, depth)
	case *ast.MappingValueNode:
		return convertMapping([]*ast.MappingValueNode{n}, at, p, depth)
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		p.add(at, "anchors and aliases (&, *, <<) are not read in a policy; write the value where it counts")
	case *ast.TagNode:
		p.add(at, "the tag %s is not read in a policy; leave it out", quote(n.GetToken().Value))
	default:
		p.add(at, "this part of YAML is not read in a policy; it has mappings, lists, texts and numbers")
	}
	return node{at: at}
}

// convertMapping also says which keys stand there twice.
func convertMapping(values []*ast.MappingValueNode, at pos, p *problems, depth int) node {
	all := node{kind: mapping, at: at}
	first := map[string]pos{}
	for _, v := range values {
		key := convert(v.Key, p, depth+1)
		switch key.kind {
		case text, number, truth:
		case broken:
			continue
		default:
			p.add(key.at, "%s, where the name of a key should be", key.is())
			continue
		}
		if len(all.pairs) == 0 && key.at.line > 0 {
			all.at = key.at
		}
		if f, twice := first[key.text]; twice {
			p.add(key.at, "%s stands here a second time; it stands in line %d already", cut(key.text), f.line)
			continue
		}
		first[key.text] = key.at
		all.pairs = append(all.pairs, pair{key.text, key.at, placed(convert(v.Value, p, depth+1), key.at)})
	}
	return all
}

// placed gives a node that has no place of its own the one of what it belongs to.
func placed(n node, at pos) node {
	if n.at.line == 0 || n.kind == nothing {
		n.at = at
	}
	return n
}

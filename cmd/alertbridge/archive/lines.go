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

// lines reads line by line. What is compressed with gzip, as CloudWatch's exports are, is unpacked.
type lines struct {
	told *Told
	b    *bufio.Reader
	err  error  // that ended the last line, if it was not the line's own end
	line []byte // the last one, as it was read
	rest []byte // of it, what is still to be handed over
	room int    // how much Read hands over before that is too long

	indented *bool // whether the second line of the text that Read hands over is; nil before it
	over     bool  // the last line is not of that text any more
}

func newLines(r io.Reader, told *Told) (*lines, error) {
	b, err := Unpacked(r)
	if err != nil {
		return nil, err
	}
	return &lines{told: told, b: b}, nil
}

// each hands over each line that is not empty. One that is too long is broken.
func (l *lines) each(use func(line []byte)) error {
	for {
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		use(line)
	}
}

func (l *lines) next() ([]byte, error) {
	if rest := clean(l.rest); len(rest) > 0 {
		l.rest = nil
		return rest, nil
	}
	for l.err == nil {
		long := l.read()
		switch text := clean(l.line); {
		case long:
			l.told.Lines++
			l.told.broken(errTooLong.Error())
		case len(text) > 0:
			l.told.Lines++
			return text, nil
		}
	}
	return nil, l.err
}

// read reads a line, and tells whether it is too long; then there is only some of it.
func (l *lines) read() (long bool) {
	l.line = l.line[:0]
	for more := true; more; more = errors.Is(l.err, bufio.ErrBufferFull) {
		var part []byte
		part, l.err = l.b.ReadSlice('\n')
		if long = long || len(l.line)+len(part) > MaxLine; !long {
			l.line = append(l.line, part...)
		}
	}
	atEnd := errors.Is(l.err, io.EOF)
	if len(l.line) > 0 || !atEnd {
		l.told.line++
	}
	if l.err != nil && !atEnd {
		l.err = fmt.Errorf("it cannot be read beyond line %d: %w", l.told.line, l.err)
	}
	return long
}

// errTooLong says what is wrong with a line, and with a part of a text over many lines.
var errTooLong = fmt.Errorf("it is longer than %d MiB", MaxLine>>20)

// Read implements io.Reader for a text over many lines. It takes no line before it has to, so what is broken is told of
// the line where it is. A text of which the lines are indented, as the AWS CLI writes it, is over where one is not and
// closes nothing: what begins there is another, and the end of this one is missing.
func (l *lines) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		line, err := l.next()
		if err != nil {
			return 0, err
		}
		indented := l.line[0] == ' ' || l.line[0] == '\t'
		if l.indented == nil {
			l.indented = &indented
		}
		if l.over = *l.indented && !indented && line[0] != '}' && line[0] != ']'; l.over {
			return 0, io.EOF
		}
		if l.rest = line; l.err == nil {
			l.rest = append(line, '\n')
		}
	}
	if l.room -= min(len(p), len(l.rest)); l.room < 0 {
		return 0, errTooLong
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// mark is the byte order mark, which editors of Windows put before a text, and which is nothing.
var mark = []byte("\ufeff")

// clean is a line without what is nothing. A file that was put behind another one has a mark of its own.
func clean(line []byte) []byte { return bytes.TrimSpace(bytes.TrimPrefix(line, mark)) }

// Unpacked reads what is compressed with gzip as it was before, and all else as it is; a byte order mark before it is passed
// over. Its error says that a text only looks compressed.
func Unpacked(r io.Reader) (*bufio.Reader, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	if magic, _ := b.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("it looks compressed with gzip, and is not: %w", err)
		}
		b = bufio.NewReaderSize(z, 64<<10)
	}
	if first, _ := b.Peek(len(mark)); bytes.Equal(first, mark) {
		_, _ = b.Discard(len(mark)) // what was peeked at can be
	}
	return b, nil
}

// Skip counts a broken line, and keeps where the first ones are and why.
func (t *Told) Skip(line int, why string) {
	t.line = line
	t.broken(why)
}

package redact

// groupings are the ways in which card numbers are written, each as the lengths of its groups. A number without groups
// has 15 or 16 digits: 13 is also a time in milliseconds, and 19 an id of Datadog's.
var groupings = [...][5]int{{16}, {15}, {4, 4, 4, 4}, {4, 6, 5}, {4, 6, 4}, {4, 4, 4, 4, 3}, {4, 3, 3, 3}}

const longestCard = 19

// card is where the number that begins at i ends; 0 when there is none.
func (s *scanner) card(i int) int {
	if s.text[i] < '2' || s.text[i] > '6' || joinedBefore(s.text, i) {
		return 0
	}
	switch runEnd(s.text, i, isDigit) - i {
	case 4, 15, 16:
	default:
		return 0
	}
	for _, groups := range groupings {
		var digits [longestCard]byte
		if end, n := grouped(s.text, i, groups, &digits); end > 0 && !joinedAfter(s.text, end) && issued(digits[:n]) && luhn(digits[:n]) {
			return end
		}
	}
	return 0
}

// grouped reads groups of digits with the same blank, dash or plus, as forms write a blank, between all of them.
func grouped(s string, i int, groups [5]int, digits *[longestCard]byte) (end, n int) {
	var separator byte
	for g, length := range groups {
		if length == 0 {
			break
		}
		if g > 0 {
			if i == len(s) || s[i] != ' ' && s[i] != '-' && s[i] != '+' || separator != 0 && s[i] != separator {
				return 0, 0
			}
			separator = s[i]
			i++
		}
		if runEnd(s, i, isDigit)-i != length {
			return 0, 0
		}
		n += copy(digits[n:], s[i:i+length])
		i += length
	}
	return i, n
}

// joinedBefore and joinedAfter tell that the number is a part of something longer: of a word, a UUID, a decimal number.
func joinedBefore(s string, i int) bool {
	return i > 0 && inWord(s[i-1]) || i > 1 && (s[i-1] == '-' || s[i-1] == '.') && inWord(s[i-2])
}

func joinedAfter(s string, i int) bool {
	return i < len(s) && inWord(s[i]) || i+1 < len(s) && (s[i] == '-' || s[i] == '.') && inWord(s[i+1])
}

// issued tells whether a number of this length begins as one of the large networks' does.
func issued(d []byte) bool {
	first := 0
	for _, c := range d[:4] {
		first = first*10 + int(c-'0')
	}
	switch len(d) {
	case 13, 16, 19:
		if first/1000 == 4 { // Visa
			return true
		}
	}
	switch len(d) {
	case 14: // Diners Club
		return first/10 >= 300 && first/10 <= 305 || first/100 == 36 || first/100 == 38
	case 15: // American Express
		return first/100 == 34 || first/100 == 37
	case 16, 19: // Mastercard, Discover, JCB, UnionPay
		return first/100 >= 51 && first/100 <= 55 || first >= 2221 && first <= 2720 || first == 6011 ||
			first/10 >= 644 && first/10 <= 659 || first >= 3528 && first <= 3589 || first/100 == 62
	}
	return false
}

func luhn(d []byte) bool {
	sum := 0
	for i, c := range d {
		n := int(c - '0')
		if (len(d)-i)%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}

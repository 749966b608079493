//! A JSON scanner that borrows from the text; numbers are read to the last digit.

use std::borrow::Cow;

/// What is left of a JSON text. Every method moves past what it takes; `None` where the text is something else than asked
/// for, or no JSON.
pub(crate) struct JsonText<'a> {
    rest: &'a [u8],
}

/// A number as it is written: with a fraction or an exponent, or without.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Integer(i64),
    Real(f64),
}

impl Number {
    pub(crate) fn value(self) -> f64 {
        match self {
            Self::Integer(v) => v as f64,
            Self::Real(v) => v,
        }
    }
}

impl<'a> JsonText<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    /// True when nothing but white space is left.
    pub(crate) fn is_empty(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Bytes that are left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next byte that is not white space.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        let blank = self.rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.rest = &self.rest[blank..];
        self.rest.first().copied()
    }

    /// Takes a byte if it comes next.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let comes = self.peek() == Some(byte);
        if comes {
            self.rest = &self.rest[1..];
        }
        comes
    }

    /// Takes `null` if it comes next.
    pub(crate) fn null(&mut self) -> bool {
        self.peek();
        let rest = self.rest.strip_prefix(b"null");
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    pub(crate) fn string(&mut self) -> Option<Cow<'a, str>> {
        let raw = self.raw_string()?;
        let inner = &raw[1..raw.len() - 1];
        if inner.contains(&b'\\') {
            return serde_json::from_slice::<String>(raw).ok().map(Cow::Owned);
        }
        let text = std::str::from_utf8(inner).ok()?;
        inner.iter().all(|b| *b >= b' ').then_some(Cow::Borrowed(text))
    }

    /// A string with its quotes.
    fn raw_string(&mut self) -> Option<&'a [u8]> {
        if self.peek()? != b'"' {
            return None;
        }
        let mut end = 1;
        loop {
            match self.rest.get(end)? {
                b'"' => break,
                b'\\' => end += 2,
                _ => end += 1,
            }
        }
        self.split(end + 1)
    }

    /// A number that a double or 64 bits can hold.
    pub(crate) fn number(&mut self) -> Option<Number> {
        self.peek()?;
        let digits = |from: usize| self.rest[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let at = |k: usize| self.rest.get(k).copied();
        let start = usize::from(at(0) == Some(b'-'));
        let whole = digits(start);
        if whole == 0 || (whole > 1 && at(start) == Some(b'0')) {
            return None;
        }
        let mut end = start + whole;
        let mut is_integer = true;
        if at(end) == Some(b'.') {
            let fraction = digits(end + 1);
            (end, is_integer) = (end + 1 + fraction, false);
            if fraction == 0 {
                return None;
            }
        }
        if matches!(at(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(at(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + sign);
            (end, is_integer) = (end + 1 + sign + exponent, false);
            if exponent == 0 {
                return None;
            }
        }
        let text = std::str::from_utf8(self.split(end)?).ok()?;
        if is_integer {
            return text.parse().ok().map(Number::Integer);
        }
        text.parse().ok().filter(|v: &f64| v.is_finite()).map(Number::Real)
    }

    /// Walks the elements of an array.
    pub(crate) fn array(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.list(b'[', b']', &mut element)
    }

    /// Walks the members of an object.
    pub(crate) fn object(&mut self, mut member: impl FnMut(Cow<'a, str>, &mut Self) -> Option<()>) -> Option<()> {
        self.list(b'{', b'}', &mut |text| {
            let key = text.key()?;
            member(key, text)
        })
    }

    /// The key of a member, with the colon after it.
    pub(crate) fn key(&mut self) -> Option<Cow<'a, str>> {
        let key = self.string()?;
        self.eat(b':').then_some(key)
    }

    fn list(&mut self, open: u8, close: u8, one: &mut dyn FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if !self.eat(open) {
            return None;
        }
        if self.eat(close) {
            return Some(());
        }
        loop {
            one(self)?;
            if self.eat(close) {
                return Some(());
            }
            if !self.eat(b',') {
                return None;
            }
        }
    }

    /// The text of the object or array that comes next. Only where it ends is found out, not whether it is right.
    pub(crate) fn nested(&mut self) -> Option<&'a [u8]> {
        if !matches!(self.peek()?, b'{' | b'[') {
            return None;
        }
        let (mut depth, mut end, mut in_string) = (0usize, 0, false);
        loop {
            let byte = *self.rest.get(end)?;
            end += 1;
            match byte {
                b'\\' if in_string => end += 1,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        return self.split(end);
                    }
                }
                _ => {}
            }
        }
    }

    fn split(&mut self, end: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        Some(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Option<Number> {
        let mut json = JsonText::new(text.as_bytes());
        json.number().filter(|_| json.is_empty())
    }

    #[test]
    fn numbers_are_what_the_grammar_says() {
        assert_eq!(number("-12"), Some(Number::Integer(-12)));
        assert_eq!(number(" 0.5e-3 "), Some(Number::Real(0.0005)));
        for bad in ["", "-", "01", "1.", ".5", "+1", "1e", "1e999", "NaN", "Infinity", "99999999999999999999"] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }

    #[test]
    fn strings_and_nested_values_end_where_they_do() {
        let mut text = JsonText::new(r#" "a\"b\u00e9" , {"x]": [1, "}\\"]} , "é" "#.as_bytes());
        assert_eq!(text.string().unwrap(), "a\"bé");
        assert!(text.eat(b','));
        assert_eq!(text.nested().unwrap(), br#"{"x]": [1, "}\\"]}"#);
        assert!(text.eat(b','));
        assert_eq!(text.string().unwrap(), "é");
        assert!(text.is_empty());
        for cut in [r#""a"#, r#""a\"#, r#""a\""#, "\"a\nb\"", r#""\x""#] {
            assert_eq!(JsonText::new(cut.as_bytes()).string(), None, "{cut}");
        }
        assert_eq!(JsonText::new(br#"{"a": [1]"#).nested(), None);
    }

    proptest! {
        #[test]
        fn numbers_are_read_to_the_last_digit(value in prop::num::f64::NORMAL | prop::num::f64::ZERO) {
            let text = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(number(&text).map(Number::value), Some(value));
        }

        #[test]
        fn any_bytes_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = JsonText::new(&bytes).string();
            let _ = JsonText::new(&bytes).number();
            let _ = JsonText::new(&bytes).nested();
            let _ = JsonText::new(&bytes).object(|_, text| text.number().map(|_| ()));
        }
    }
}

//! The frame of a GeoJSON collection: where its members and features begin and end, in a block that is cut off anywhere.
//!
//! `serde_json` reads whole documents, or values one after another without commas between them. What is in a feature it reads.

use std::borrow::Cow;

/// What is left of a JSON text. Every method moves past what it takes; `None` where the text is something else than asked
/// for, or no JSON.
pub(crate) struct JsonText<'a> {
    rest: &'a [u8],
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

    /// Walks the members of an object.
    pub(crate) fn object(&mut self, mut member: impl FnMut(Cow<'a, str>, &mut Self) -> Option<()>) -> Option<()> {
        if !self.eat(b'{') {
            return None;
        }
        if self.eat(b'}') {
            return Some(());
        }
        loop {
            let key = self.key()?;
            member(key, self)?;
            if self.eat(b'}') {
                return Some(());
            }
            if !self.eat(b',') {
                return None;
            }
        }
    }

    /// The key of a member, with the colon after it.
    pub(crate) fn key(&mut self) -> Option<Cow<'a, str>> {
        let key = self.string()?;
        self.eat(b':').then_some(key)
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
        fn any_bytes_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = JsonText::new(&bytes).string();
            let _ = JsonText::new(&bytes).nested();
            let _ = JsonText::new(&bytes).object(|_, text| text.string().map(|_| ()));
        }
    }
}

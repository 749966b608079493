//! The frame of a GeoJSON collection: its members, and its features one block at a time.

use std::borrow::Cow;
use std::path::Path;

use crate::json_blocks::Blocks;
use crate::json_text::JsonText;

/// What a collection says besides its features.
#[derive(Default)]
pub(crate) struct Collection {
    typed: bool,
    name: Option<String>,
    crs: Option<String>,
}

/// Walks the features of a collection, as texts that are not parsed yet, block by block. `None` where it is anything else, or
/// where `each` gives `None`.
pub(crate) fn walk(path: &Path, block: usize, each: &mut dyn FnMut(&[&[u8]]) -> Option<()>) -> Option<Collection> {
    let mut blocks = Blocks::open(path, block)?;
    let (mut found, head) = Collection::before_features(blocks.rest())?;
    blocks.take(head);
    let mut is_last = false;
    while !is_last {
        let all = blocks.rest().len();
        let mut text = JsonText::new(blocks.rest());
        let (mut features, mut taken) = (Vec::new(), 0);
        // One that is cut off here is whole in the next block.
        while let Some(feature) = text.nested() {
            is_last = text.eat(b']');
            if !is_last && !text.eat(b',') {
                break;
            }
            features.push(feature);
            taken = all - text.left();
            if is_last {
                break;
            }
        }
        if !is_last && text.peek().is_some_and(|byte| byte != b'{') {
            return None;
        }
        if !features.is_empty() {
            each(&features)?;
        }
        blocks.take(taken);
        let is_more = is_last || blocks.more()?;
        if !is_more && taken == 0 {
            return None;
        }
    }
    while blocks.rest().len() <= block && blocks.more()? {}
    found.after_features(blocks.rest())?;
    found.typed.then_some(found)
}

impl Collection {
    /// Members up to the features, and how many bytes they take.
    fn before_features(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut found = Self::default();
        let mut text = JsonText::new(bytes);
        if !text.eat(b'{') {
            return None;
        }
        loop {
            let key = text.key()?;
            if key == "features" {
                return text.eat(b'[').then(|| (found, bytes.len() - text.left()));
            }
            found.member(&key, &mut text)?;
            if !text.eat(b',') {
                return None;
            }
        }
    }

    /// Members after the features, to the end of the text.
    fn after_features(&mut self, bytes: &[u8]) -> Option<()> {
        let mut text = JsonText::new(bytes);
        while text.eat(b',') {
            let key = text.key()?;
            self.member(&key, &mut text)?;
        }
        (text.eat(b'}') && text.is_empty()).then_some(())
    }

    fn member(&mut self, key: &str, text: &mut JsonText<'_>) -> Option<()> {
        match key {
            "type" if !self.typed => self.typed = text.string()? == "FeatureCollection",
            "name" if self.name.is_none() => self.name = Some(text.string().map(Cow::into_owned)?),
            "crs" if self.crs.is_none() => self.crs = Some(std::str::from_utf8(text.nested()?).ok()?.to_owned()),
            _ => return None,
        }
        Some(())
    }

    /// The same with one feature only, as text.
    pub(crate) fn with(&self, feature: &str) -> String {
        let name = self.name.as_ref().map(|name| format!("\"name\":{},", serde_json::Value::from(name.as_str())));
        let crs = self.crs.as_ref().map(|crs| format!("\"crs\":{crs},"));
        let (name, crs) = (name.unwrap_or_default(), crs.unwrap_or_default());
        format!("{{\"type\":\"FeatureCollection\",{name}{crs}\"features\":[{feature}]}}")
    }
}

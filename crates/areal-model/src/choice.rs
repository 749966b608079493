//! Settings that are written as a word or a word with numbers: `focal(2,0.25)`.

/// Splits `name(a,b)` into its name and numbers; numbers are `None` where they cannot be read.
pub(crate) fn call(text: &str) -> (&str, Option<Vec<f64>>) {
    let Some((name, rest)) = text.trim().split_once('(') else { return (text.trim(), Some(Vec::new())) };
    let numbers =
        rest.strip_suffix(')').map(|inside| inside.split(',').map(|n| n.trim().parse::<f64>().ok()).collect());
    (name.trim(), numbers.flatten())
}

/// Serialises a type by its text.
macro_rules! text_form {
    ($type:ty) => {
        impl TryFrom<String> for $type {
            type Error = ModelError;

            fn try_from(text: String) -> Result<Self, ModelError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }
    };
}
pub(crate) use text_form;

//! Reading JSON from providers that do not agree on it.
//!
//! Types that never fail on a value of another kind than expected: they are then as if absent. A field nobody
//! knows is skipped, a field given twice counts the second time. Only broken JSON is an error. Strings are
//! borrowed from the input where they have no escapes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The visitor methods for kinds of values that mean nothing here.
macro_rules! otherwise_default {
    (@ scalars) => { $crate::usage::lenient::otherwise_default!(bool, integers, float, text, null); };
    (@ bool) => { fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Self::Value, E> { Ok(Default::default()) } };
    (@ integers) => {
        fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Self::Value, E> { Ok(Default::default()) }
        fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Self::Value, E> { Ok(Default::default()) }
    };
    (@ float) => { fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Self::Value, E> { Ok(Default::default()) } };
    (@ text) => { fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Self::Value, E> { Ok(Default::default()) } };
    (@ null) => { fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> { Ok(Default::default()) } };
    (@ list) => {
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
            Ok(Default::default())
        }
    };
    (@ map) => {
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
            Ok(Default::default())
        }
    };
    ($($kind:ident),*) => { $( $crate::usage::lenient::otherwise_default!(@ $kind); )* };
}
pub(crate) use otherwise_default;

/// A leniently read object.
pub(crate) trait Lenient: Sized {
    /// One that was absent.
    fn absent<'a>() -> &'a Self
    where
        Self: 'a;

    /// Whether the value was an object, and not null, absent, or something else.
    fn is_present(&self) -> bool;
}

/// What an absent value reads as.
pub(crate) trait Empty: Sized {
    const EMPTY: Self;
}

impl Empty for Count {
    const EMPTY: Self = Self(None);
}

impl Empty for Text<'_> {
    const EMPTY: Self = Self(None);
}

impl Empty for Something {
    const EMPTY: Self = Self(false);
}

impl Empty for Content {
    const EMPTY: Self = Self(false);
}

impl<T> Empty for List<T> {
    const EMPTY: Self = Self(None);
}

impl<T> Empty for Nested<T> {
    const EMPTY: Self = Self(None);
}

/// An object in another, which takes no room there while it is absent: it reads as an empty one. A document of all that providers may say
/// has kilobytes otherwise, which are moved about for each answer.
#[derive(Debug)]
pub(crate) struct Nested<T>(Option<Box<T>>);

impl<T> Default for Nested<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Lenient> std::ops::Deref for Nested<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::absent())
    }
}

impl<'de, T: Deserialize<'de> + Lenient> Deserialize<'de> for Nested<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = T::deserialize(deserializer)?;
        Ok(Self(read.is_present().then(|| Box::new(read))))
    }
}

/// A struct read leniently from a JSON object: `field: Type = "name"`. [`Lenient`] says whether there was an
/// object at all.
macro_rules! lenient_struct {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident<$a:lifetime> {
            $( $(#[$field_meta:meta])* $field:ident: $type:ty = $($json:literal)|+ ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        $visibility struct $name<$a> {
            present: bool,
            $( $(#[$field_meta])* $visibility $field: $type, )*
            borrow: std::marker::PhantomData<&$a ()>,
        }

        impl<$a> $crate::usage::lenient::Empty for $name<$a> {
            const EMPTY: Self = Self {
                present: false,
                $( $field: <$type as $crate::usage::lenient::Empty>::EMPTY, )*
                borrow: std::marker::PhantomData,
            };
        }

        impl $crate::usage::lenient::Lenient for $name<'_> {
            fn absent<'s>() -> &'s Self where Self: 's {
                const ABSENT: &$name<'static> = &<$name<'static> as $crate::usage::lenient::Empty>::EMPTY;
                ABSENT
            }

            fn is_present(&self) -> bool {
                self.present
            }
        }

        impl<'de> serde::de::Deserialize<'de> for $name<'de> {
            fn deserialize<D: serde::de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct ObjectVisitor;
                impl<'de> serde::de::Visitor<'de> for ObjectVisitor {
                    type Value = $name<'de>;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("any value")
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut read = $name { present: true, ..$name::default() };
                        while let Some(key) = map.next_key::<$crate::usage::lenient::Text<'de>>()? {
                            match key.get().unwrap_or_default() {
                                $( $($json)|+ => read.$field = map.next_value()?, )*
                                _ => { map.next_value::<serde::de::IgnoredAny>()?; }
                            }
                        }
                        Ok(read)
                    }
                    $crate::usage::lenient::otherwise_default!(scalars, list);
                }
                deserializer.deserialize_any(ObjectVisitor)
            }
        }
    };
}
pub(crate) use lenient_struct;

/// A count: an integer, a float with an integral value, or a string of either. Anything else is unknown.
///
/// Negative and absurd numbers are kept as stated (past 64 bits: the nearest that fits); who books them refuses
/// them by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Count(pub(crate) Option<i64>);

impl Count {
    /// A float as a count. Past the range of `i64` the cast saturates, which is what we want of an absurd
    /// number.
    fn of_float(value: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "integral was checked, and saturating is meant")]
        Self((value.is_finite() && value.fract() == 0.0).then_some(value as i64))
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CountVisitor;
        impl<'de> Visitor<'de> for CountVisitor {
            type Value = Count;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Count, E> {
                Ok(Count(Some(value)))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Count, E> {
                Ok(Count(Some(i64::try_from(value).unwrap_or(i64::MAX))))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Count, E> {
                Ok(Count::of_float(value))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Count, E> {
                let value = value.trim();
                Ok(match value.parse() {
                    Ok(count) => Count(Some(count)),
                    Err(_) => value.parse().map_or(Count(None), Count::of_float),
                })
            }
            otherwise_default!(bool, null, list, map);
        }
        deserializer.deserialize_any(CountVisitor)
    }
}

/// A string; anything else is as if absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Option<Cow<'a, str>>);

impl Text<'_> {
    pub(crate) fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Borrowed(value))))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Owned(value.to_owned()))))
            }
            otherwise_default!(bool, integers, float, null, list, map);
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

/// Whether there is something: not null, not false, not an empty string, list or object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Something(pub(crate) bool);

impl<'de> Deserialize<'de> for Something {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SomethingVisitor;
        impl<'de> Visitor<'de> for SomethingVisitor {
            type Value = Something;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_bool<E: Error>(self, value: bool) -> Result<Something, E> {
                Ok(Something(value))
            }
            fn visit_i64<E: Error>(self, _: i64) -> Result<Something, E> {
                Ok(Something(true))
            }
            fn visit_u64<E: Error>(self, _: u64) -> Result<Something, E> {
                Ok(Something(true))
            }
            fn visit_f64<E: Error>(self, _: f64) -> Result<Something, E> {
                Ok(Something(true))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Something, E> {
                Ok(Something(!value.is_empty()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Something, A::Error> {
                let mut any = false;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    any = true;
                }
                Ok(Something(any))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Something, A::Error> {
                let mut any = false;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    any = true;
                }
                Ok(Something(any))
            }
            otherwise_default!(null);
        }
        deserializer.deserialize_any(SomethingVisitor)
    }
}

/// Whether a delta, message or part carries content: a non-empty string anywhere in it, but for the keys that
/// only say what kind of thing it is (`role`, `id`, `type`, signatures).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Content(pub(crate) bool);

impl Content {
    /// Keys whose strings are about the content, not content.
    fn is_label(key: &str) -> bool {
        matches!(
            key,
            "role"
                | "id"
                | "type"
                | "signature"
                | "thoughtSignature"
                | "thought_signature"
                | "format"
                | "encrypted_content"
        )
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor;
        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = Content;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Content, E> {
                Ok(Content(!value.is_empty()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Content, A::Error> {
                let mut any = false;
                while let Some(Content(found)) = list.next_element()? {
                    any |= found;
                }
                Ok(Content(any))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
                let mut any = false;
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    if Content::is_label(key.get().unwrap_or_default()) {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        any |= map.next_value::<Content>()?.0;
                    }
                }
                Ok(Content(any))
            }
            otherwise_default!(bool, integers, float, null);
        }
        deserializer.deserialize_any(ContentVisitor)
    }
}

/// A list of leniently read things; anything else than a list is as if absent.
#[derive(Debug)]
pub(crate) struct List<T>(pub(crate) Option<Vec<T>>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> List<T> {
    pub(crate) fn items(&self) -> &[T] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
            type Value = List<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<List<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(List(Some(items)))
            }
            otherwise_default!(scalars, map);
        }
        deserializer.deserialize_any(ListVisitor(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests;

//! The fonts: a built-in set and those that the host adds.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parley::FontContext;
use parley::fontique::{
    Blob, CharmapIndex, Collection, CollectionOptions, FontInfo, FontInfoOverride, FontStyle, SourceCache,
};

use crate::clean::is_ignorable;

/// EB Garamond is the face of the page, Noto Serif stands in for letters that it lacks.
const BUILT_IN: [(&str, &[&[u8]]); 2] = [
    (
        "certificate-garamond",
        &[include_bytes!("../fonts/EBGaramond12-Regular.otf"), include_bytes!("../fonts/EBGaramond12-Italic.otf")],
    ),
    (SLASHED_ZERO, &[include_bytes!("../fonts/NotoSerif-Regular.ttf")]),
];

/// The built-in family whose zero can be slashed.
const SLASHED_ZERO: &str = "certificate-noto-serif";

/// A font that the host gives for scripts that the built-in faces lack.
#[derive(Clone)]
pub struct FontSource {
    bytes: Arc<Vec<u8>>,
    family: String,
    priority: i32,
    languages: Vec<String>,
}

impl FontSource {
    /// A font file (OpenType, TrueType or a collection) and the family in it to use.
    ///
    /// The built-in faces are asked first, then the sources of higher priority, then those added
    /// earlier. A collection (`.ttc`) must name the family wanted; a single font takes any name.
    pub fn new(bytes: impl Into<Arc<Vec<u8>>>, family: impl Into<String>, priority: i32) -> Self {
        Self { bytes: bytes.into(), family: family.into(), priority, languages: Vec::new() }
    }

    /// Prefers this source to those of any priority when the text is in this language, so that
    /// Chinese, Japanese and Korean each get their own forms. `zh` covers `zh-Hant` too.
    #[must_use]
    pub fn for_language(mut self, language: impl Into<String>) -> Self {
        self.languages.push(language.into().to_ascii_lowercase());
        self
    }

    fn is_for(&self, language: &str) -> bool {
        self.languages
            .iter()
            .any(|own| language.strip_prefix(own.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
    }
}

impl fmt::Debug for FontSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FontSource")
            .field("family", &self.family)
            .field("priority", &self.priority)
            .field("languages", &self.languages)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

/// Why a font of the host cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FontError {
    /// The bytes hold no font that can be read.
    #[error("the source of `{family}` holds no font that can be read")]
    Unreadable {
        /// The family of the source.
        family: String,
    },
    /// The collection has no such family.
    #[error("the font collection has no family `{family}`")]
    NoSuchFamily {
        /// The family of the source.
        family: String,
    },
}

/// One face for coverage tests.
#[derive(Clone)]
struct Face {
    italic: bool,
    data: Blob<u8>,
    charmap: CharmapIndex,
}

#[derive(Clone)]
struct Family {
    /// The name it is registered under.
    name: String,
    faces: Vec<Face>,
    source: Option<FontSource>,
}

impl Family {
    fn covers(&self, italic: bool, c: char) -> bool {
        let face = self.faces.iter().find(|face| face.italic == italic);
        face.or_else(|| self.faces.first()).is_some_and(|face| {
            face.charmap.charmap(face.data.as_ref()).and_then(|charmap| charmap.map(c)).is_some_and(|glyph| glyph != 0)
        })
    }
}

/// The fonts that certificates are set in. Cheap to clone, may be shared between threads.
///
/// No font of the operating system is ever used, so that the same inputs give the same bytes
/// everywhere.
#[derive(Clone)]
pub struct Fonts {
    context: FontContext,
    families: Vec<Family>,
    embeddable: HashMap<(u64, u32), krilla::text::Font>,
}

impl fmt::Debug for Fonts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.families.iter().map(|family| &family.name)).finish()
    }
}

impl Fonts {
    /// EB Garamond (Regular, Italic) and Noto Serif: Latin with all its diacritics, Greek,
    /// Cyrillic. Build it once and keep it.
    pub fn built_in() -> Self {
        let options = CollectionOptions { shared: false, system_fonts: false };
        let mut fonts = Self {
            context: FontContext { collection: Collection::new(options), source_cache: SourceCache::default() },
            families: Vec::new(),
            embeddable: HashMap::new(),
        };
        for (name, files) in BUILT_IN {
            let mut faces = Vec::new();
            for file in files {
                let data = Blob::new(Arc::new(*file));
                faces.extend(fonts.register(&data, Some(name)).into_iter().flat_map(|(_, f)| f));
            }
            fonts.families.push(Family { name: name.to_owned(), faces, source: None });
        }
        fonts
    }

    /// Adds a font of the host.
    ///
    /// # Errors
    /// [`FontError`] when the bytes are no font, or hold no such family.
    pub fn with(mut self, source: FontSource) -> Result<Self, FontError> {
        let family = source.family.clone();
        let unreadable = || FontError::Unreadable { family: family.clone() };
        let data: Blob<u8> = Blob::new(source.bytes.clone());
        let is_collection = source.bytes.starts_with(b"ttcf");
        // A single font gets a name of its own, so that two sources never mix. The faces of a
        // collection are told apart by their families only.
        let alias = format!("certificate-host-{}", self.families.len());
        let registered = self.register(&data, (!is_collection).then_some(alias.as_str()));
        if registered.is_empty() {
            return Err(unreadable());
        }
        let name = if is_collection { source.family.clone() } else { alias };
        let faces = match self.context.collection.family_id(&name) {
            Some(id) => registered.into_iter().find(|(family, _)| *family == id.to_u64()),
            None => None,
        };
        let Some((_, faces)) = faces else {
            return Err(FontError::NoSuchFamily { family });
        };
        if faces.is_empty() {
            return Err(unreadable());
        }
        self.families.push(Family { name, faces, source: Some(source) });
        Ok(self)
    }

    fn register(&mut self, data: &Blob<u8>, alias: Option<&str>) -> Vec<(u64, Vec<Face>)> {
        let overrides = alias.map(|name| FontInfoOverride { family_name: Some(name), ..Default::default() });
        let registered = self.context.collection.register_fonts(data.clone(), overrides);
        let mut families = Vec::new();
        for (id, infos) in registered {
            let mut faces = Vec::new();
            for info in infos {
                faces.extend(self.face(data, &info));
            }
            families.push((id.to_u64(), faces));
        }
        families
    }

    /// Prepares a face for the PDF; one that cannot be embedded is no face.
    fn face(&mut self, data: &Blob<u8>, info: &FontInfo) -> Option<Face> {
        let (shared, id) = data.clone().into_raw_parts();
        let font = krilla::text::Font::new(shared.into(), info.index())?;
        self.embeddable.insert((id, info.index()), font);
        Some(Face { italic: info.style() != FontStyle::Normal, data: data.clone(), charmap: info.charmap_index() })
    }

    /// A context of its own to lay text out with.
    pub(crate) fn context(&self) -> FontContext {
        self.context.clone()
    }

    /// The font to embed for a face that text was laid out in.
    pub(crate) fn embeddable(&self, data: &Blob<u8>, index: u32) -> Option<krilla::text::Font> {
        self.embeddable.get(&(data.id(), index)).cloned()
    }

    /// The families to set a text in, best first. A family that has every letter of the text goes
    /// before the others, so that a name is not set in a mixture of faces without need. For codes,
    /// `plain_digits` prefers the face with lining digits and a slashed zero.
    pub(crate) fn families_for(&self, text: &str, language: &str, italic: bool, plain_digits: bool) -> Vec<&str> {
        let language = language.to_ascii_lowercase();
        let mut order: Vec<&Family> = self.families.iter().collect();
        order.sort_by_key(|family| match &family.source {
            None if plain_digits && family.name == SLASHED_ZERO => (-1, 0),
            None => (0, 0),
            Some(source) if source.is_for(&language) => (1, 0),
            Some(source) => (2, -i64::from(source.priority)),
        });
        let whole = order.iter().position(|family| {
            text.chars().filter(|c| !is_ignorable(*c) && !c.is_whitespace()).all(|c| family.covers(italic, c))
        });
        if let Some(best) = whole {
            let best = order.remove(best);
            order.insert(0, best);
        }
        order.into_iter().map(|family| family.name.as_str()).collect()
    }

    /// Whether any face has this character.
    pub(crate) fn has(&self, c: char) -> bool {
        self.families.iter().any(|family| family.covers(false, c) || family.covers(true, c))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c6_fonts_can_be_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Fonts>();
    }

    #[test]
    fn c6_a_damaged_font_is_refused() {
        let source = FontSource::new(b"no font".to_vec(), "Nothing", 0);
        assert_eq!(Fonts::built_in().with(source).map(|_| ()), Err(FontError::Unreadable { family: "Nothing".into() }));
    }

    #[test]
    fn c6_a_name_is_set_in_one_family_where_one_has_it_all() {
        let fonts = Fonts::built_in();
        assert_eq!(fonts.families_for("Ada", "en", false, false).first(), Some(&"certificate-garamond"));
        assert!(!fonts.has('م'));
        assert!(fonts.has('ł') && fonts.has('ễ') && fonts.has('Ж') && fonts.has('ώ'));
    }

    #[test]
    fn c6_sources_are_asked_by_language_then_priority_then_order() {
        let file = BUILT_IN[1].1[0].to_vec();
        let source = |priority| FontSource::new(file.clone(), "Noto Serif", priority);
        let fonts = Fonts::built_in()
            .with(source(1))
            .and_then(|fonts| fonts.with(source(5)))
            .and_then(|fonts| fonts.with(source(0).for_language("ja")))
            .and_then(|fonts| fonts.with(source(5)))
            .unwrap();
        let hosts = |language: &str| -> Vec<String> {
            let families = fonts.families_for("م", language, false, false);
            families.iter().filter_map(|f| f.strip_prefix("certificate-host-")).map(Into::into).collect()
        };
        assert_eq!(hosts("ja-JP"), ["4", "3", "5", "2"]);
        assert_eq!(hosts("jam"), ["3", "5", "2", "4"]);
    }
}

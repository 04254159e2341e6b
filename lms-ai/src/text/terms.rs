//! Key terms by frequency, for the extractive provider.

use std::collections::HashMap;

use super::language::is_stop_word;

/// A term of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The term as the text most often writes it.
    pub text: String,
    /// How often the term stands in the text, case aside.
    pub count: usize,
}

/// At most `max` terms of the text, the weightiest first: words that stand
/// often, are long, and are no stop words. Ties are broken by first place, so
/// the answer is the same for the same text.
///
/// In scripts without word spaces a term is a pair of characters that stands
/// at least twice.
#[must_use]
pub fn key_terms(text: &str, max: usize) -> Vec<Term> {
    let mut seen: HashMap<String, Seen> = HashMap::new();
    for (place, word) in words(text).enumerate() {
        let lower = word.to_lowercase();
        if is_stop_word(&lower) {
            continue;
        }
        let entry = seen.entry(lower).or_insert_with(|| Seen { first: place, count: 0, forms: Vec::new() });
        entry.count += 1;
        match entry.forms.iter_mut().find(|(f, _)| *f == word) {
            Some((_, n)) => *n += 1,
            None => entry.forms.push((word, 1)),
        }
    }
    let mut all: Vec<(String, Seen)> = seen.into_iter().filter(|(w, s)| !starts_unspaced(w) || s.count > 1).collect();
    all.sort_by(|(a, x), (b, y)| y.weight(b).cmp(&x.weight(a)).then(x.first.cmp(&y.first)));
    all.into_iter()
        .take(max)
        .map(|(_, s)| Term {
            count: s.count,
            // The first form wins among equals, hence the reversed order of `max_by_key`.
            text: s.forms.into_iter().rev().max_by_key(|(_, n)| *n).map(|(f, _)| f.to_owned()).unwrap_or_default(),
        })
        .collect()
}

struct Seen<'a> {
    first: usize,
    count: usize,
    forms: Vec<(&'a str, usize)>,
}

impl Seen<'_> {
    fn weight(&self, word: &str) -> usize {
        self.count * word.chars().count().min(12)
    }
}

fn starts_unspaced(word: &str) -> bool {
    word.chars().next().is_some_and(super::ngram::is_unspaced)
}

/// Words of 4 to 40 characters that hold a letter (3 where the word is in
/// capitals), and pairs of characters of scripts without word spaces.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c)))
        .flat_map(|run| {
            if run.chars().any(super::ngram::is_unspaced) {
                let places: Vec<usize> = run.char_indices().map(|(i, _)| i).chain([run.len()]).collect();
                places.windows(3).filter_map(|w| run.get(*w.first()?..*w.get(2)?)).collect::<Vec<_>>()
            } else {
                vec![run]
            }
        })
        .filter(|w| {
            let n = w.chars().count();
            let unspaced = starts_unspaced(w);
            let capitals = n >= 3 && w.chars().all(char::is_uppercase);
            (unspaced || capitals || (4..=40).contains(&n)) && w.chars().any(char::is_alphabetic)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stop_words_are_no_terms_and_the_commonest_form_is_shown() {
        let found = key_terms("Chlorophyll absorbs light. The chlorophyll and which Chlorophyll have been there.", 3);
        assert_eq!(found[0], Term { text: "Chlorophyll".into(), count: 3 });
        assert!(found.iter().all(|t| t.text != "which" && t.text != "have"));
    }

    #[test]
    fn german_french_and_spanish_stop_words_are_known() {
        let found = key_terms("nicht werden diese avec dans pour pero también estas Zelle", 9);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].text, "Zelle");
    }

    proptest! {
        #[test]
        fn each_term_stands_in_the_text(text in any::<String>()) {
            for term in key_terms(&text, 20) {
                prop_assert!(text.contains(&term.text));
                prop_assert!(term.count > 0);
            }
        }
    }
}

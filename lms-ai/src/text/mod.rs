//! Pure helpers on text: folding and the evidence match, the manipulation
//! scanner, safety checks, sentences, terms, n-grams, Markdown and pseudonyms.
//!
//! Nothing here calls a network, a clock or a source of randomness, and
//! nothing panics on any input.

mod check;
mod demands;
mod fold;
mod language;
mod markdown;
mod ngram;
mod pseudonym;
mod scan;
mod sentence;
mod terms;

pub use check::{TextFault, TextRule, TextStyle, check_text, tidy, truncate_chars, urls_in};
pub(crate) use fold::fold_stripped;
pub use fold::{Folded, MIN_QUOTE_CHARS, find_evidence, fold};
pub(crate) use language::guess_language_beside;
pub use language::{guess_language, same_language};
pub(crate) use markdown::markdown_prose;
pub use markdown::{Section, markdown_to_text, sections, strip_raw_html};
pub(crate) use ngram::Grams;
pub use ngram::{jaccard, normalise_answer, tokens};
pub use pseudonym::{Pseudonymised, Pseudonyms};
pub use scan::{Span, SpanCode, scan_manipulation, strip_format_characters};
pub use sentence::sentences;
pub use terms::{Term, key_terms};

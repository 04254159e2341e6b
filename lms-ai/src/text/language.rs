//! Stop words, and a careful guess at the language of a prose text.

use std::collections::HashMap;
use std::sync::LazyLock;

const EN: &[&str] = &[
    "about",
    "after",
    "again",
    "all",
    "also",
    "although",
    "always",
    "among",
    "an",
    "and",
    "another",
    "any",
    "are",
    "as",
    "at",
    "be",
    "because",
    "been",
    "before",
    "being",
    "between",
    "both",
    "but",
    "by",
    "can",
    "cannot",
    "could",
    "did",
    "does",
    "doing",
    "done",
    "down",
    "during",
    "each",
    "either",
    "even",
    "every",
    "few",
    "first",
    "for",
    "from",
    "further",
    "had",
    "has",
    "have",
    "having",
    "her",
    "here",
    "his",
    "how",
    "however",
    "if",
    "in",
    "instead",
    "into",
    "is",
    "it",
    "its",
    "just",
    "least",
    "less",
    "like",
    "made",
    "make",
    "makes",
    "many",
    "may",
    "might",
    "more",
    "most",
    "much",
    "must",
    "need",
    "never",
    "not",
    "often",
    "only",
    "other",
    "others",
    "our",
    "over",
    "same",
    "shall",
    "she",
    "should",
    "since",
    "some",
    "still",
    "such",
    "than",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "therefore",
    "these",
    "they",
    "this",
    "those",
    "through",
    "thus",
    "to",
    "too",
    "under",
    "until",
    "upon",
    "use",
    "used",
    "using",
    "very",
    "was",
    "well",
    "were",
    "what",
    "when",
    "where",
    "whether",
    "which",
    "while",
    "whose",
    "will",
    "with",
    "within",
    "without",
    "would",
    "you",
    "your",
];
const DE: &[&str] = &[
    "aber", "alle", "allem", "allen", "aller", "alles", "als", "also", "am", "an", "andere", "anderen", "auch", "auf",
    "aus", "bei", "beim", "bereits", "bis", "bzw", "dabei", "dadurch", "dafür", "damit", "dann", "das", "dass", "dazu",
    "dem", "den", "denn", "der", "des", "dessen", "die", "dies", "diese", "diesem", "diesen", "dieser", "dieses",
    "doch", "dort", "durch", "ein", "eine", "einem", "einen", "einer", "eines", "einige", "er", "es", "etwa", "für",
    "gegen", "haben", "hat", "hatte", "hier", "hinter", "ihr", "ihre", "ihrem", "ihren", "ihrer", "immer", "indem",
    "ist", "jede", "jeden", "jeder", "jedes", "jedoch", "kann", "kein", "keine", "können", "machen", "man", "mehr",
    "mit", "muss", "müssen", "nach", "nicht", "noch", "nur", "oder", "ohne", "sehr", "sein", "seine", "seinen", "sich",
    "sie", "sind", "sodass", "soll", "sollte", "sowie", "sowohl", "über", "um", "und", "unter", "viele", "vom", "von",
    "vor", "war", "waren", "weil", "welche", "wenn", "werden", "wie", "wieder", "wird", "wobei", "wurde", "wurden",
    "zum", "zur", "zwischen",
];
const FR: &[&str] = &[
    "afin",
    "ainsi",
    "alors",
    "après",
    "au",
    "aussi",
    "autre",
    "autres",
    "aux",
    "avant",
    "avec",
    "avoir",
    "car",
    "ce",
    "cela",
    "celle",
    "celui",
    "ces",
    "cette",
    "ceux",
    "chaque",
    "comme",
    "comment",
    "dans",
    "des",
    "deux",
    "doit",
    "donc",
    "du",
    "elle",
    "elles",
    "encore",
    "entre",
    "est",
    "et",
    "être",
    "fait",
    "faire",
    "font",
    "ils",
    "leur",
    "leurs",
    "lorsque",
    "lors",
    "mais",
    "même",
    "moins",
    "non",
    "nous",
    "ont",
    "ou",
    "par",
    "parce",
    "pas",
    "pendant",
    "permet",
    "peut",
    "peuvent",
    "plus",
    "plusieurs",
    "pour",
    "pourquoi",
    "qu",
    "quand",
    "que",
    "quelle",
    "quelque",
    "qui",
    "sans",
    "sera",
    "ses",
    "sont",
    "sous",
    "sur",
    "tous",
    "tout",
    "toute",
    "toutes",
    "très",
    "une",
    "vers",
    "votre",
    "vous",
    "était",
];
const ES: &[&str] = &[
    "además", "al", "algunos", "ante", "antes", "así", "aunque", "cada", "como", "cómo", "con", "cual", "cuando",
    "cuándo", "debe", "deben", "del", "desde", "después", "donde", "dos", "durante", "el", "ella", "ellos", "entonces",
    "entre", "era", "esa", "ese", "esta", "estas", "este", "esto", "estos", "está", "están", "fue", "gracias", "haber",
    "hace", "hacia", "hasta", "hay", "la", "las", "lo", "los", "mediante", "menos", "mientras", "misma", "mismo",
    "mucho", "muy", "más", "ni", "no", "nos", "otra", "otras", "otro", "otros", "para", "parte", "pero", "por",
    "porque", "puede", "pueden", "qué", "que", "según", "ser", "sea", "si", "sin", "sobre", "son", "su", "sus",
    "también", "tanto", "tiene", "tienen", "todas", "todo", "todos", "una", "unos", "usa", "uso", "y", "ya",
];

const LISTS: [(&str, &[&str]); 4] = [("en", EN), ("de", DE), ("fr", FR), ("es", ES)];

/// Which of the lists have a word: prose is long, and no word of it is to be searched in every list.
static KNOWN: LazyLock<HashMap<&str, [bool; LISTS.len()]>> = LazyLock::new(|| {
    let mut known: HashMap<&str, [bool; LISTS.len()]> = HashMap::new();
    for (n, (_, list)) in LISTS.iter().enumerate() {
        for word in *list {
            if let Some(has) = known.entry(word).or_default().get_mut(n) {
                *has = true;
            }
        }
    }
    known
});

/// Whether a lower-case word is a stop word of English, German, French or Spanish.
pub(super) fn is_stop_word(lower: &str) -> bool {
    KNOWN.contains_key(lower)
}

/// The language of a prose text among `en`, `de`, `fr`, `es`, by its stop words.
///
/// `None` for a short text, another language, or where two languages are close:
/// the guess is meant to catch an answer in the wrong language, and must not
/// refuse a right one.
#[must_use]
pub fn guess_language(text: &str) -> Option<&'static str> {
    guess_of(&super::ngram::tokens(text))
}

/// The guess over those words of a text that do not stand in the source.
pub(crate) fn guess_language_beside(text: &str, source: &str) -> Option<&'static str> {
    let known: std::collections::HashSet<String> = super::ngram::tokens(source).into_iter().collect();
    let mut words = super::ngram::tokens(text);
    words.retain(|w| !known.contains(w));
    guess_of(&words)
}

/// The language that has by far the most stop words among the words.
fn guess_of(words: &[String]) -> Option<&'static str> {
    let mut scores = LISTS.map(|(code, _)| (0_usize, code));
    for has in words.iter().filter_map(|word| KNOWN.get(word.as_str())) {
        for ((count, _), has) in scores.iter_mut().zip(has) {
            *count += usize::from(*has);
        }
    }
    let (best, code) = scores.iter().copied().max_by_key(|(n, _)| *n)?;
    let second = scores.iter().filter(|(_, c)| *c != code).map(|(n, _)| *n).max()?;
    (best >= 12 && best >= second * 2 && best * 6 >= words.len()).then_some(code)
}

/// Whether a guess agrees with a BCP 47 tag: `en` with `en-GB`.
///
/// Also true where the tag is none of the languages that can be guessed, since
/// nothing is known then.
#[must_use]
pub fn same_language(guess: &str, tag: &str) -> bool {
    let primary = tag.split(['-', '_']).next().unwrap_or("").to_lowercase();
    !LISTS.iter().any(|(code, _)| *code == primary) || primary == guess
}

#[cfg(test)]
mod tests {
    use super::*;

    const GERMAN: &str = "Die Zelle ist die kleinste Einheit und wird von einer Membran umgeben, die sich nach außen \
        abgrenzt und mit der Umgebung durch Kanäle verbunden ist, weil sie ohne diese nicht leben kann.";
    const ENGLISH: &str = "The cell is the smallest unit and it is surrounded by a membrane which separates it from the \
        outside and connects it with the rest through channels because it would not live without them.";

    #[test]
    fn it_tells_languages_apart_and_stays_silent_when_unsure() {
        assert_eq!(guess_language(GERMAN), Some("de"));
        assert_eq!(guess_language(ENGLISH), Some("en"));
        assert_eq!(guess_language("Rust 1.95"), None);
        assert_eq!(guess_language(&format!("{GERMAN} {ENGLISH}")), None);
    }

    #[test]
    fn words_of_the_source_do_not_count() {
        assert_eq!(guess_language_beside(ENGLISH, ENGLISH), None);
        assert_eq!(guess_language_beside(ENGLISH, GERMAN), Some("en"));
    }

    #[test]
    fn tags_compare_by_primary_language() {
        assert!(same_language("en", "en-GB"));
        assert!(!same_language("en", "de-AT"));
        assert!(same_language("en", "nl"));
    }
}

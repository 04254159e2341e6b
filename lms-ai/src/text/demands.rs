//! Demands to a grader, by words, in English, German, French and Spanish.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::scan::{Span, SpanCode, is_stripped};

/// Demands as word beginnings; a slot is met within four words of the one before.
/// `=` at the end asks for the whole word.
const DEMANDS: &[&[&[&str]]] = &[
    &[
        &["ignor", "disregard", "forget=", "overrid", "bypass"],
        &["previous", "prior", "above", "earlier", "preceding", "all=", "any=", "your=", "these=", "the="],
        &["instruction", "rules=", "prompt", "rubric", "guideline", "criteria=", "directive"],
    ],
    &[
        &["give=", "award=", "grant=", "assign=", "deserv", "receive=", "earn=", "merit"],
        &["full", "max", "highest", "perfect", "top=", "best=", "100", "10="],
        &["mark", "point", "score", "grade", "credit", "out=", "percent"],
    ],
    &[
        &["grade=", "mark=", "score=", "rate=", "evaluate=", "treat="],
        &["this=", "my="],
        &["submission", "essay", "work=", "answer", "response", "paper=", "text="],
        &["as=", "with=", "highly"],
    ],
    &[
        &["you=", "act=", "pretend", "behave"],
        &["are=", "as=", "to="],
        &["now=", "a=", "an=", "the=", "be="],
        &[
            "grader",
            "assistant=",
            "ai=",
            "chatbot",
            "marker=",
            "examiner",
            "evaluator",
            "language=",
            "unrestricted",
            "generous",
            "lenient",
        ],
    ],
    &[
        &["dear=", "attention", "note=", "message=", "hey=", "hello=", "instruction", "instructions="],
        &["grader", "ai=", "marker=", "examiner", "evaluator", "llm", "chatbot", "assistant=", "model="],
    ],
    &[
        &["set=", "output=", "return=", "respond=", "reply=", "print=", "write="],
        &["points=", "score=", "grade=", "json=", "marks="],
    ],
    &[&["do=", "don="], &["not=", "t="], &["deduct", "penalis", "penaliz", "flag=", "report="]],
    &[&["system="], &["prompt=", "override", "message="]],
    &[
        &["ignorier", "missacht", "vergiss=", "vergessen="],
        &["vorherig", "bisherig", "obig", "alle=", "allen=", "die=", "deine", "diese"],
        &["anweisung", "instruktion", "regeln=", "vorgaben=", "bewertungs", "rubrik"],
    ],
    &[
        &["gib=", "geben=", "vergib=", "vergeben=", "vergebe=", "bewerte=", "bewerten=", "verdient="],
        &["voll", "maximal", "hochst", "beste=", "besten=", "alle="],
        &["punkt", "note=", "noten=", "bewertung"],
    ],
    &[
        &["an=", "hallo=", "lieber=", "liebe="],
        &["den=", "die=", "ki=", "prufer=", "bewerter="],
        &["ki=", "prufer=", "bewerter=", "korrektor=", "sprachmodell"],
    ],
    &[
        &["du=", "sie="],
        &["bist=", "sind="],
        &["jetzt=", "nun=", "ein=", "eine="],
        &["bewerter", "prufer", "assistent", "ki=", "lehrer"],
    ],
    &[
        &["ignore=", "ignorez=", "oublie=", "oubliez="],
        &["les=", "toutes=", "tes=", "vos=", "ces="],
        &["instructions=", "consignes=", "regles=", "bareme="],
    ],
    &[
        &["donne=", "donnez=", "attribue", "accorde=", "accordez=", "mets=", "mettez=", "merite="],
        &["maximum", "maximal", "meilleure", "tous=", "toutes=", "totalite", "parfait"],
        &["note=", "points=", "score="],
    ],
    &[
        &["donne=", "donnez=", "attribue", "accorde=", "accordez=", "mets=", "mettez="],
        &["note=", "score="],
        &["maxim", "parfait"],
    ],
    &[
        &["ignora=", "ignore=", "olvida=", "olvide=", "omite="],
        &["las=", "todas=", "tus=", "sus=", "estas="],
        &["instruccion", "reglas=", "rubrica", "indicacion"],
    ],
    &[
        &["da=", "dame=", "deme=", "asigna", "otorga", "pon=", "ponga=", "merece="],
        &["maxim", "toda", "todos=", "complet", "perfect", "nota=", "puntuacion="],
        &["nota=", "puntos=", "puntuacion=", "calificacion=", "maxim", "perfect"],
    ],
];

/// How many words may stand between two slots.
const GAP: usize = 4;

struct Word {
    text: String,
    range: Range<usize>,
}

/// Words in lower case without diacritics, compatibility forms folded, with their places.
fn words(text: &str) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::new();
    let mut current: Option<Word> = None;
    for (at, c) in text.char_indices() {
        if is_stripped(c) || is_combining_mark(c) {
            continue;
        }
        if c.is_alphanumeric() {
            let end = at + c.len_utf8();
            let word = current.get_or_insert_with(|| Word { text: String::new(), range: at..end });
            word.range.end = end;
            word.text.extend(
                std::iter::once(c)
                    .nfkd()
                    .filter(|d| !is_combining_mark(*d))
                    .map(look_alike)
                    .flat_map(char::to_lowercase),
            );
        } else {
            out.extend(current.take());
            // A new sentence or paragraph breaks a demand.
            if matches!(c, '.' | '!' | '?') {
                out.push(Word { text: String::new(), range: at..at + c.len_utf8() });
            }
        }
    }
    out.extend(current);
    out
}

/// Cyrillic and Greek letters that pass for Latin ones. Only words that are
/// compared with Latin demands see the change.
fn look_alike(c: char) -> char {
    match c {
        'а' | 'А' | 'α' | 'Α' => 'a',
        'е' | 'Е' | 'Ε' => 'e',
        'о' | 'О' | 'ο' | 'Ο' => 'o',
        'р' | 'Р' | 'Ρ' => 'p',
        'с' | 'С' => 'c',
        'і' | 'І' | 'Ι' => 'i',
        'х' | 'Х' => 'x',
        'у' => 'y',
        'ѕ' => 's',
        other => other,
    }
}

/// Adds the demands of a text.
pub(super) fn imperatives(text: &str, out: &mut Vec<Span>) {
    let words = words(text);
    for start in 0..words.len() {
        for demand in DEMANDS {
            if let Some(end) = matches_from(&words, start, demand)
                && let (Some(first), Some(last)) = (words.get(start), words.get(end))
            {
                out.push(Span { range: first.range.start..last.range.end, code: SpanCode::Imperative });
            }
        }
    }
}

/// The index of the last word of a demand that begins at `start`.
fn matches_from(words: &[Word], start: usize, demand: &[&[&str]]) -> Option<usize> {
    let (first, rest) = demand.split_first()?;
    if !words.get(start).is_some_and(|w| fits(&w.text, first)) {
        return None;
    }
    let mut at = start;
    for slot in rest {
        let mut found = None;
        for i in at + 1..=at + 1 + GAP {
            let Some(word) = words.get(i).filter(|w| !w.text.is_empty()) else {
                break;
            };
            if fits(&word.text, slot) {
                found = Some(i);
                break;
            }
        }
        at = found?;
    }
    Some(at)
}

fn fits(word: &str, slot: &[&str]) -> bool {
    slot.iter().any(|s| s.strip_suffix('=').map_or_else(|| word.starts_with(s), |whole| word == whole))
}

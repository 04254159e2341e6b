//! The few sentences that the extractive provider adds to a source, in four languages.

/// Templates; `{}` is filled once.
#[derive(Debug)]
pub(super) struct Phrases {
    pub(super) note: &'static str,
    pub(super) covers: &'static str,
    pub(super) explain: &'static str,
    pub(super) key_points: &'static str,
    pub(super) remember: &'static str,
    pub(super) question: &'static str,
    pub(super) intro: &'static str,
    pub(super) practice: &'static str,
    pub(super) part: &'static str,
    pub(super) quiz: &'static str,
    pub(super) fill_one: &'static str,
    pub(super) fill_many: &'static str,
    pub(super) true_false: &'static str,
    pub(super) yes: &'static str,
    pub(super) no: &'static str,
    pub(super) says: &'static str,
    pub(super) task: &'static str,
    pub(super) task_text: &'static str,
    pub(super) uses: &'static str,
    pub(super) found: &'static str,
    pub(super) missing: &'static str,
    pub(super) add: &'static str,
    pub(super) feedback_good: &'static str,
    pub(super) feedback_thin: &'static str,
}

const EN: Phrases = Phrases {
    note: "Put together offline from the source, without a language model.",
    covers: "This part covers: {}.",
    explain: "Explain: {}",
    key_points: "Key points",
    remember: "Remember: {}",
    question: "How would you explain this to somebody else: {}?",
    intro: "Introduction to {}",
    practice: "Practice: {}",
    part: "Part {}",
    quiz: "Quiz: {}",
    fill_one: "Which term fills the gap?",
    fill_many: "Which terms fill the gaps?",
    true_false: "True or false?",
    yes: "True",
    no: "False",
    says: "The text says: {}",
    task: "Essay: {}",
    task_text: "Write an essay in your own words. Explain each point below, give an example of your own for each, and say how they belong together.",
    uses: "Uses and explains these terms correctly: {}",
    found: "The work speaks of: {}.",
    missing: "The work does not speak of: {}.",
    add: "Explain also: {}",
    feedback_good: "Your work takes up what was asked for and explains much of it in your own words. Look at the next steps to round it off.",
    feedback_thin: "Your work makes a start, and several of the points that were asked for are still open. The next steps show where to go on.",
};

const DE: Phrases = Phrases {
    note: "Offline aus der Quelle zusammengestellt, ohne Sprachmodell.",
    covers: "Darum geht es in diesem Teil: {}.",
    explain: "Erklären: {}",
    key_points: "Das Wichtigste",
    remember: "Zu merken: {}",
    question: "Wie lässt sich das jemand anderem erklären: {}?",
    intro: "Einführung: {}",
    practice: "Übung: {}",
    part: "Teil {}",
    quiz: "Quiz: {}",
    fill_one: "Welcher Begriff füllt die Lücke?",
    fill_many: "Welche Begriffe füllen die Lücken?",
    true_false: "Richtig oder falsch?",
    yes: "Richtig",
    no: "Falsch",
    says: "Im Text steht: {}",
    task: "Aufsatz: {}",
    task_text: "Schreibe einen Aufsatz in eigenen Worten. Erkläre jeden der folgenden Punkte, gib zu jedem ein eigenes Beispiel und zeige, wie sie zusammenhängen.",
    uses: "Verwendet und erklärt diese Begriffe richtig: {}",
    found: "Die Arbeit spricht von: {}.",
    missing: "Die Arbeit spricht nicht von: {}.",
    add: "Erkläre auch: {}",
    feedback_good: "Deine Arbeit greift auf, was gefragt war, und erklärt vieles davon in eigenen Worten. Die nächsten Schritte runden sie ab.",
    feedback_thin: "Deine Arbeit ist ein Anfang, und mehrere der gefragten Punkte sind noch offen. Die nächsten Schritte zeigen, wie es weitergeht.",
};

const FR: Phrases = Phrases {
    note: "Composé hors ligne à partir de la source, sans modèle de langue.",
    covers: "Cette partie traite de : {}.",
    explain: "Expliquer : {}",
    key_points: "Points clés",
    remember: "À retenir : {}",
    question: "Comment expliquer ceci à quelqu'un d'autre : {} ?",
    intro: "Introduction : {}",
    practice: "Pratique : {}",
    part: "Partie {}",
    quiz: "Quiz : {}",
    fill_one: "Quel terme complète la phrase ?",
    fill_many: "Quels termes complètent la phrase ?",
    true_false: "Vrai ou faux ?",
    yes: "Vrai",
    no: "Faux",
    says: "Le texte dit : {}",
    task: "Rédaction : {}",
    task_text: "Écrivez une rédaction avec vos propres mots. Expliquez chacun des points suivants, donnez pour chacun un exemple à vous et montrez leurs liens.",
    uses: "Emploie et explique correctement ces termes : {}",
    found: "Le travail parle de : {}.",
    missing: "Le travail ne parle pas de : {}.",
    add: "Expliquez aussi : {}",
    feedback_good: "Votre travail reprend ce qui était demandé et en explique une grande partie avec vos propres mots. Les prochaines étapes le complètent.",
    feedback_thin: "Votre travail est un début, et plusieurs des points demandés restent ouverts. Les prochaines étapes montrent comment continuer.",
};

const ES: Phrases = Phrases {
    note: "Compuesto sin conexión a partir de la fuente, sin modelo de lenguaje.",
    covers: "Esta parte trata de: {}.",
    explain: "Explicar: {}",
    key_points: "Puntos clave",
    remember: "Para recordar: {}",
    question: "¿Cómo se lo explicarías a otra persona: {}?",
    intro: "Introducción: {}",
    practice: "Práctica: {}",
    part: "Parte {}",
    quiz: "Cuestionario: {}",
    fill_one: "¿Qué término completa la frase?",
    fill_many: "¿Qué términos completan la frase?",
    true_false: "¿Verdadero o falso?",
    yes: "Verdadero",
    no: "Falso",
    says: "El texto dice: {}",
    task: "Ensayo: {}",
    task_text: "Escribe un ensayo con tus propias palabras. Explica cada uno de los puntos siguientes, da un ejemplo propio de cada uno y muestra cómo se relacionan.",
    uses: "Usa y explica correctamente estos términos: {}",
    found: "El trabajo habla de: {}.",
    missing: "El trabajo no habla de: {}.",
    add: "Explica también: {}",
    feedback_good: "Tu trabajo retoma lo que se pedía y explica gran parte con tus propias palabras. Los próximos pasos lo completan.",
    feedback_thin: "Tu trabajo es un comienzo, y varios de los puntos que se pedían siguen abiertos. Los próximos pasos muestran cómo continuar.",
};

/// The phrases of a BCP 47 tag; English where the language is another.
pub(super) fn phrases(tag: &str) -> &'static Phrases {
    match tag
        .split(['-', '_'])
        .next()
        .unwrap_or("")
        .to_lowercase()
        .as_str()
    {
        "de" => &DE,
        "fr" => &FR,
        "es" => &ES,
        _ => &EN,
    }
}

/// A template with its gap filled.
pub(super) fn fill(template: &str, with: &str) -> String {
    template.replacen("{}", with.trim_end_matches(['.', '!', '?', '…', ' ']), 1)
}

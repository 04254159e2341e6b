//! The command line.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use lms_core::model::{CourseId, LessonId, SubmissionId, TopicId, UserId};
use uuid::Uuid;

pub(crate) const HELP: &str = "\
Writes into an LMS database by AI: a course, the text of a topic, a quiz, an assignment, a grade. Each answer
is validated before one transaction; every prompt and answer is on record in ai_logs.

Usage: ai_author [--store STORE] COMMAND …

  course         --topic TEXT --audience TEXT --difficulty TEXT --lessons N
                 [--minutes N] [--language TAG] [--source PATH]
                 an outline with objectives, lessons and topics, as a course that nobody sees yet
  body TOPIC         [--source PATH]                      the text of a topic
  bodies COURSE      [--source PATH]                      the texts of all topics that wait for one; again: the rest
  quiz LESSON        [--questions N] [--difficulty TEXT]  a quiz from the lesson's text
  assignment LESSON  [--points N]                         an assignment with a rubric
  grade SUBMISSION   a grade by the rubric: applied, or suggested where a person must look
  show OPERATION     what waits for a person, and why: its items by number; nothing is written
  apply OPERATION    [--drop N[,N…]]                      writes what waits, less the items of these numbers; a
                     suggested grade becomes the grade of the person who acts

COURSE, TOPIC, LESSON and SUBMISSION are ids; course, body and quickstart's database show them.

  --store STORE      sqlite:PATH or postgres://… (default: sqlite:out/lms.db, which quickstart writes)
  --as USER          the id of the person who acts
  --instructor NAME  the instructor who acts, made where there is none of this name
                     (default: for course, `Instructor`; for an outline that waits, who asked for it; for
                     all else, the instructor of the course)
  --operation ID     the id of the operation (a UUID): the same one again is neither asked nor paid nor
                     written twice, and shows what stands (default: a new one, which is printed)
  --topic TEXT       what the course is about (default: the title of the source)
  --audience TEXT    for whom (default: adults without prior knowledge)
  --difficulty TEXT  how hard, in any words (default: introductory)
  --lessons N        how many lessons, 1 to 300 (default: as the source has chapters, else 5)
  --minutes N        how long the whole course takes (default: open)
  --language TAG     the language to write in (default: en)
  --source PATH      a Markdown file or folder to teach from
  --questions N      how many questions, 1 to 30 (default: 5)
  --points N         what the assignment is worth, in whole points (default: 100)
  --drop N           what is left out, by the numbers that show, apply and exit code 4 print
  --max-cost USD     what the command may cost at the most, in US dollars, such as 0.50; what may cost more is
                     not asked for (default: no limit)
  -h, --help         this text

Exit codes, each with one line that says why:
   0  applied: all that was asked for is written
   1  anything else: no such id, not allowed, too little text, another input under the same operation,
      another caller at it, the database
   2  refused by validation: whole answers came, and broke the rules
   3  the provider failed: no connection, an error, a refusal, an answer cut off
   4  needs review: the grade is a suggestion, or the content a proposal, that waits for a person: show it,
      and apply it
Where it is not 0 nothing was written, but for bodies: its code is that of the first text that is not written,
and its line says how many are. Where all is written and only cannot be read again, code 1 says so.
  64  the command or its environment is wrong; nothing was done

Environment:
";

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) store: Option<String>,
    pub(crate) who: Who,
    pub(crate) operation: Option<Uuid>,
    /// In millionths of a US dollar.
    pub(crate) max_cost: Option<u64>,
    pub(crate) job: Job,
}

/// Who acts.
#[derive(Debug)]
pub(crate) enum Who {
    /// Whoever is meant, as the help says.
    Nobody,
    /// This person.
    User(UserId),
    /// The instructor of this name.
    Instructor(String),
}

/// The commands.
#[derive(Debug)]
pub(crate) enum Job {
    Course(CourseJob),
    Body { topic: TopicId, source: Option<PathBuf> },
    Bodies { course: CourseId, source: Option<PathBuf> },
    Quiz { lesson: LessonId, questions: usize, difficulty: String },
    Assignment { lesson: LessonId, points: i64 },
    Grade { submission: SubmissionId },
    Apply { operation: Uuid, drop: Vec<usize> },
    Show { operation: Uuid },
}

/// What is asked of a course.
#[derive(Debug)]
pub(crate) struct CourseJob {
    pub(crate) topic: Option<String>,
    pub(crate) audience: String,
    pub(crate) difficulty: String,
    pub(crate) lessons: Option<usize>,
    pub(crate) minutes: i64,
    pub(crate) language: String,
    pub(crate) source: Option<PathBuf>,
}

/// The options that a command takes beside `--store`, and whether it takes an id.
const COMMANDS: &[(&str, bool, &[&str])] = &[
    (
        "course",
        false,
        &[
            "as",
            "instructor",
            "operation",
            "max-cost",
            "topic",
            "audience",
            "difficulty",
            "lessons",
            "minutes",
            "language",
            "source",
        ],
    ),
    ("body", true, &["as", "instructor", "operation", "max-cost", "source"]),
    // The operation is a run: the texts that one run has written stand, another makes them anew.
    ("bodies", true, &["as", "instructor", "operation", "max-cost", "source"]),
    ("quiz", true, &["as", "instructor", "operation", "max-cost", "questions", "difficulty"]),
    ("assignment", true, &["as", "instructor", "operation", "max-cost", "points"]),
    // The library grades by itself, once for each version of the work.
    ("grade", true, &["max-cost"]),
    ("apply", true, &["as", "instructor", "drop"]),
    ("show", true, &["as", "instructor"]),
];

/// The options as they were given.
struct Given(BTreeMap<String, String>);

impl Given {
    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    fn number<T: FromStr + PartialOrd + std::fmt::Display>(
        &mut self,
        name: &str,
        least: T,
        most: T,
    ) -> Result<Option<T>, String> {
        let Some(said) = self.take(name) else { return Ok(None) };
        let found = said.parse().ok().filter(|n| *n >= least && *n <= most);
        found.map(Some).ok_or_else(|| format!("--{name} takes a number from {least} to {most}, not `{said}`"))
    }

    fn source(&mut self) -> Option<PathBuf> {
        self.take("source").map(PathBuf::from)
    }
}

/// US dollars as millionths of one; at least one of these.
fn dollars(said: &str) -> Result<u64, String> {
    let (whole, part) = said.split_once('.').unwrap_or((said, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let fits = digits(whole) && digits(part) && part.len() <= 6 && whole.len() <= 9;
    let found: Option<u64> = format!("{whole}{part:0<6}").parse().ok().filter(|micro| fits && *micro > 0);
    found.ok_or_else(|| format!("--max-cost takes an amount of US dollars such as 0.50, not `{said}`"))
}

/// Numbers of items, from 1, with commas between.
fn numbers(said: Option<String>) -> Result<Vec<usize>, String> {
    let Some(said) = said else { return Ok(Vec::new()) };
    let each = said.split(',').map(|one| one.trim().parse().ok().filter(|n: &usize| *n > 0));
    each.collect::<Option<Vec<usize>>>().ok_or_else(|| format!("--drop takes numbers from 1 such as 2,5, not `{said}`"))
}

fn id<T: From<Uuid>>(what: &str, said: &str) -> Result<T, String> {
    said.parse().map(Uuid::into).map_err(|_| format!("{what} takes an id such as 0198c0de-…, not `{said}`"))
}

/// What the command line asks for; nothing where it asks for help.
pub(crate) fn options(mut parser: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::{Long, Short, Value, ValueExt as _};
    let mut given = Given(BTreeMap::new());
    let mut words = Vec::new();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("help") | Short('h') => return Ok(None),
            Long(name) if name == "store" || COMMANDS.iter().any(|(_, _, options)| options.contains(&name)) => {
                let name = name.to_owned();
                let value = parser.value()?.string()?;
                if value.trim().is_empty() {
                    return Err(format!("--{name} is empty").into());
                }
                let before = given.0.insert(name.clone(), value);
                if let (Some(before), "drop") = (&before, name.as_str()) {
                    given.0.entry(name).and_modify(|value| *value = format!("{before},{value}"));
                } else if before.is_some() {
                    return Err(format!("--{name} is there twice").into());
                }
            }
            Value(word) => words.push(word.string()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(build(given, &words)?))
}

fn build(mut given: Given, words: &[String]) -> Result<Options, String> {
    let all = COMMANDS.iter().map(|(name, _, _)| *name).collect::<Vec<_>>().join(", ");
    let (command, rest) = words.split_first().ok_or_else(|| format!("which command? there are {all}"))?;
    let (_, takes_id, options) = COMMANDS
        .iter()
        .find(|(name, _, _)| name == command)
        .ok_or_else(|| format!("there is no command `{command}`; there are {all}"))?;
    if let Some(stray) = given.0.keys().find(|name| *name != "store" && !options.contains(&name.as_str())) {
        return Err(format!("{command} does not take --{stray}"));
    }
    let subject = match (takes_id, rest) {
        (true, [id]) => id.as_str(),
        (false, []) => "",
        (true, _) => return Err(format!("{command} takes exactly one id")),
        (false, _) => return Err(format!("{command} takes no id")),
    };
    let who = match (given.take("as"), given.take("instructor")) {
        (None, None) => Who::Nobody,
        (Some(user), None) => Who::User(id("--as", &user)?),
        (None, Some(name)) => Who::Instructor(name),
        (Some(_), Some(_)) => return Err("--as and --instructor both say who acts; give one".to_owned()),
    };
    let operation = given.take("operation").map(|said| id("--operation", &said)).transpose()?;
    let max_cost = given.take("max-cost").map(|said| dollars(&said)).transpose()?;
    let job = match command.as_str() {
        "course" => Job::Course(course(&mut given)?),
        "body" => Job::Body { topic: id("body", subject)?, source: given.source() },
        "bodies" => Job::Bodies { course: id("bodies", subject)?, source: given.source() },
        "quiz" => Job::Quiz {
            lesson: id("quiz", subject)?,
            questions: given.number("questions", 1, 30)?.unwrap_or(5),
            difficulty: given.take("difficulty").unwrap_or_default(),
        },
        "assignment" => Job::Assignment {
            lesson: id("assignment", subject)?,
            points: given.number("points", 2, 800)?.unwrap_or(100),
        },
        "apply" => Job::Apply { operation: id("apply", subject)?, drop: numbers(given.take("drop"))? },
        "show" => Job::Show { operation: id("show", subject)? },
        _ => Job::Grade { submission: id("grade", subject)? },
    };
    Ok(Options { store: given.take("store"), who, operation, max_cost, job })
}

fn course(given: &mut Given) -> Result<CourseJob, String> {
    let job = CourseJob {
        topic: given.take("topic"),
        audience: given.take("audience").unwrap_or_else(|| "adults without prior knowledge".to_owned()),
        difficulty: given.take("difficulty").unwrap_or_else(|| "introductory".to_owned()),
        lessons: given.number("lessons", 1, 300)?,
        minutes: given.number("minutes", 5, 100_000)?.unwrap_or(0),
        language: given.take("language").unwrap_or_else(|| "en".to_owned()),
        source: given.source(),
    };
    if job.topic.is_none() && job.source.is_none() {
        return Err("course takes --topic, or a --source whose title is the topic".to_owned());
    }
    Ok(job)
}

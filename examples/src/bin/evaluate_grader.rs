//! How well a grader agrees with people, from a CSV file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lms_ai::AiError;
use lms_ai::evaluate::{Marked, Options, Report, Scale, evaluate, from_pairs};
use lms_core::Lms;
use lms_core::lms::{MarkFilter, MarkPair, MarkedWork};
use lms_core::model::{AssignmentId, CourseId, Points, QuestionId, QuizId};
use lms_core::store::{ContentContext, ContentRef, Store};
use lms_examples::demo::Failure;
use lms_examples::evaluation::{Attacked, Form, Ran, Sheet, TIMES, Wanted, Work, attack_all, grade_all, lines};
use lms_examples::output::Screen;
use lms_examples::provider::{Chosen, ENVIRONMENT};
use lms_examples::store;
use lms_store_sqlite::SqliteStore;
use serde_json::json;
use uuid::Uuid;

const HELP: &str = "\
Compares a grader with human marks: quadratic weighted kappa and the figures that explain it.

Usage: evaluate_grader --store STORE --course ID [--resamples N] [--seed N] [--json]
       evaluate_grader FILE.csv [--range MIN..MAX] [--step STEP] [--runs N] [--save FILE.csv]
                       [--resamples N] [--seed N] [--attack] [--json]

With --store and --course the marks are those of a database (sqlite:PATH or postgres://…): where a person has
marked work that AI has marked, too, assignment by assignment and essay question by essay question. Marks that a person took over as they were
suggested agree by themselves, and are counted.

The first line of FILE names the columns, in any order and case; FILE may be - for standard input. It is CSV
with commas (or semicolons or tabs), quotes where a field needs them, in UTF-8.

  human          the mark by a person; no row without it
  human2         the mark by a second person, where there is one: how far people agree
  id             what the work is called

  Marks that are there already:
  ai, ai2, ai3…  the grader's mark in its first run, its second, …; nothing or `failed` where it gave none:
                 failures are counted and never dropped

  Work, on which the grader is run (where there is no column ai):
  text           the work
  instructions   what was asked for
  rubric         one criterion a line: title | points | description (default: one criterion for all of it)
  language       the language of the feedback (default: en)

Other columns are not read, and are named in the output.

  --range MIN..MAX  the rubric's range (default: 0 to the rubric's points, or to the greatest mark of the file)
  --step STEP       the rubric's step (default: 1)
  --runs N          how often the grader is run on each work, 1 to 20 (default: 1)
  --save FILE       write the marks of the run, as a file that can be read here again
  --resamples N     how many resamples the interval is drawn from, 0 to 100000 (default: 2000)
  --seed N          what they are drawn from (default: the same every time)
  --attack          grade each work 15 times more, with words to its grader below it (12) and with harmless ones (3):
                    how often words to the grader pay, and how far harmless ones move a mark
  --json            print the report as JSON
  -h, --help        this text

Ends with 0: the report is printed; 1: FILE or the database cannot be used, said with line and column, or there
are no marks to compare; 3: the provider
gave no mark at all; 64: the command or its environment is wrong.

Environment, for the grader that is run:
";

struct Command {
    file: PathBuf,
    /// The database and the course whose marks are compared, in place of a file.
    stored: Option<(String, CourseId)>,
    wanted: Wanted,
    runs: usize,
    save: Option<PathBuf>,
    options: Options,
    attack: bool,
    json: bool,
}

/// How the program ends when there is no report.
enum End {
    /// The file cannot be used, or not be written.
    File(String),
    /// The provider gave nothing.
    Provider(String),
    /// The command or its environment is wrong.
    Usage(String),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::File(failure.to_string())
    }
}

fn command() -> Result<Option<Command>, lexopt::Error> {
    use lexopt::prelude::{Long, Short, Value, ValueExt as _};
    let (mut file, mut store, mut course, mut only_file) = (None, None, None, false);
    let mut command = Command {
        file: PathBuf::new(),
        stored: None,
        wanted: Wanted::default(),
        runs: 1,
        save: None,
        options: Options::default(),
        attack: false,
        json: false,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        only_file |= matches!(arg, Long("range" | "step" | "runs" | "save" | "attack"));
        match arg {
            Long("store") => store = Some(parser.value()?.string()?),
            Long("course") => {
                let said = parser.value()?.string()?;
                let id: Option<Uuid> = said.parse().ok();
                course = Some(CourseId::from(id.ok_or_else(|| format!("--course takes an id, not `{said}`"))?));
            }
            Long("range") => command.wanted.range = Some(range(&parser.value()?.string()?)?),
            Long("step") => {
                let said = parser.value()?.string()?;
                let step: Option<Points> = said.parse().ok().filter(|step| *step > Points::ZERO);
                command.wanted.step = Some(step.ok_or_else(|| format!("--step takes a number above 0, not `{said}`"))?);
            }
            Long("runs") => command.runs = number("--runs", &parser.value()?.string()?, 1, 20)?,
            Long("save") => command.save = Some(parser.value()?.into()),
            Long("resamples") => {
                command.options.resamples = number("--resamples", &parser.value()?.string()?, 0, 100_000)?;
            }
            Long("seed") => command.options.seed = number("--seed", &parser.value()?.string()?, 0, u64::MAX)?,
            Long("attack") => command.attack = true,
            Long("json") => command.json = true,
            Long("help") | Short('h') => return Ok(None),
            Value(path) if file.is_none() => file = Some(PathBuf::from(path)),
            other => return Err(other.unexpected()),
        }
    }
    match (file, store, course) {
        (Some(file), None, None) => command.file = file,
        (None, Some(store), Some(course)) if !only_file => command.stored = Some((store, course)),
        (None, Some(_), Some(_)) => return Err("--range, --step, --runs, --save and --attack go with a file".into()),
        (None, None, None) => return Err("which file? such as examples/data/marks.csv".into()),
        (None, ..) => return Err("--store and --course go together".into()),
        (Some(_), ..) => return Err("a file, or --store with --course: give one of them".into()),
    }
    Ok(Some(command))
}

fn range(said: &str) -> Result<(Points, Points), String> {
    let ends = said.split_once("..").and_then(|(min, max)| Some((min.trim().parse().ok()?, max.trim().parse().ok()?)));
    ends.ok_or_else(|| format!("--range takes MIN..MAX such as 0..5, not `{said}`"))
}

fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display>(
    option: &str,
    said: &str,
    least: T,
    most: T,
) -> Result<T, String> {
    let found = said.parse().ok().filter(|n| *n >= least && *n <= most);
    found.ok_or_else(|| format!("{option} takes a number from {least} to {most}, not `{said}`"))
}

#[tokio::main]
async fn main() -> ExitCode {
    let screen = Screen::new();
    let command = match command() {
        Ok(Some(command)) => command,
        Ok(None) => {
            screen.line(format!("{HELP}{ENVIRONMENT}"));
            return ExitCode::SUCCESS;
        }
        Err(e) => return complain(&End::Usage(format!("{e}; see --help"))),
    };
    match run(&command, &screen).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(end) => complain(&end),
    }
}

/// One line on standard error, and the code that goes with it.
fn complain(end: &End) -> ExitCode {
    use std::io::Write as _;
    let (what, code) = match end {
        End::File(what) => (what, 1),
        End::Provider(what) => (what, 3),
        End::Usage(what) => (what, 64),
    };
    let _ = writeln!(std::io::stderr(), "error: {}", what.replace('\n', " "));
    ExitCode::from(code)
}

async fn run(command: &Command, screen: &Screen) -> Result<(), End> {
    if let Some((store, course)) = &command.stored {
        return stored(command, screen, store, *course).await;
    }
    let sheet = Sheet::read(&command.file, command.wanted).map_err(|e| End::File(e.to_string()))?;
    let (marked, ran) = match &sheet.form {
        Form::Marks(_) if command.attack => {
            return Err(End::Usage("--attack takes work to grade, and this file has marks (see --help)".to_owned()));
        }
        Form::Marks(marked) => (marked.clone(), None),
        Form::Work(work) => {
            let run = graded(command, &sheet.scale, work, screen).await?;
            if let Some(path) = &command.save {
                save(path, work, &run.ran.marked)
                    .map_err(|e| End::File(format!("cannot write `{}`: {e}", path.display())))?;
            }
            (run.ran.marked.clone(), Some(run))
        }
    };
    let report = evaluate(&sheet.scale, &marked, command.options).map_err(|e| End::File(e.to_string()))?;
    let none = report.runs.iter().all(|run| run.graded == 0);
    print(command, screen, &sheet, &report, ran.as_ref())?;
    match ran {
        Some(Graded { ran, .. }) if none => {
            Err(End::Provider(format!("the grader gave no mark at all ({})", counts(&ran.failures))))
        }
        _ => Ok(()),
    }
}

/// What is compared by itself, for it has a scale of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    Assignment(AssignmentId),
    Question(QuizId, QuestionId),
}

impl Task {
    const fn of(pair: &MarkPair) -> Self {
        match pair.work {
            MarkedWork::Submission { assignment_id, .. } => Self::Assignment(assignment_id),
            MarkedWork::Answer { quiz_id, question_id, .. } => Self::Question(quiz_id, question_id),
        }
    }

    /// What it is called; nothing where it is not there any more.
    async fn title(self, store: &dyn Store) -> Result<String, Failure> {
        let content = match self {
            Self::Assignment(id) => ContentRef::Assignment(id),
            Self::Question(_, id) => ContentRef::Question(id),
        };
        let found = store.content(None, content).await?;
        let assignment = |found: &ContentContext| Some(found.assignment.as_ref()?.title.clone());
        let question = |found: &ContentContext| Some(found.question.as_ref()?.text.chars().take(80).collect());
        Ok(found.and_then(|found| assignment(&found).or_else(|| question(&found))).unwrap_or_default())
    }

    /// Its ids, as they stand in a report.
    fn ids(self) -> serde_json::Map<String, serde_json::Value> {
        let ids = match self {
            Self::Assignment(id) => vec![("assignment_id", json!(id))],
            Self::Question(quiz, id) => vec![("quiz_id", json!(quiz)), ("question_id", json!(id))],
        };
        ids.into_iter().map(|(name, id)| (name.to_owned(), id)).collect()
    }
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Assignment(id) => write!(f, "Assignment {id}"),
            Self::Question(_, id) => write!(f, "Question {id}"),
        }
    }
}

/// Compares the marks of a course, task by task.
async fn stored(command: &Command, screen: &Screen, store: &str, course: CourseId) -> Result<(), End> {
    let failed = |e: &dyn std::fmt::Display| End::File(e.to_string());
    if let Some(path) = store.strip_prefix("sqlite:").map(|path| Path::new(path.strip_prefix("//").unwrap_or(path)))
        && !path.exists()
    {
        return Err(End::File(format!("there is no database at `{}`", path.display())));
    }
    let opened = store::open(Some(store), Path::new("out")).await.map_err(|e| failed(&e))?;
    let lms = Lms::over(opened.store()).build();
    lms.migrate().await.map_err(|e| failed(&e))?;
    let host = lms.system();
    let mut by_task: BTreeMap<Task, Vec<MarkPair>> = BTreeMap::new();
    let mut after = None;
    loop {
        let page =
            host.overview().mark_pairs(course, MarkFilter::default(), after, 100).await.map_err(|e| failed(&e))?;
        for pair in page.pairs {
            by_task.entry(Task::of(&pair)).or_default().push(pair);
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    if by_task.is_empty() {
        return Err(End::File(format!("no work in course {course} is marked by AI and by a person")));
    }
    let (mut reports, mut not_compared) = (Vec::new(), 0);
    for (task, pairs) in &by_task {
        let title = task.title(&**lms.store()).await?;
        let compared = from_pairs(pairs)
            .and_then(|(scale, marked)| evaluate(&scale, &marked, command.options).map(|report| (scale, report)));
        let (scale, report) = match compared {
            Ok(compared) => compared,
            // One that cannot be compared hides no other.
            Err(why) => {
                not_compared += 1;
                if command.json {
                    let mut report = task.ids();
                    report.extend([("title".to_owned(), json!(title)), ("error".to_owned(), json!(why.to_string()))]);
                    reports.push(report.into());
                } else {
                    screen.line(format!("{task} \"{title}\" cannot be compared: {why}"));
                    screen.line("");
                }
                continue;
            }
        };
        let adopted = pairs.iter().filter(|pair| pair.was_adopted).count();
        let unseen = pairs.iter().filter(|pair| !pair.ai_came_first).count();
        if command.json {
            let mut whole = serde_json::to_value(&report).map_err(|e| failed(&e))?;
            if let Some(whole) = whole.as_object_mut() {
                whole.append(&mut task.ids());
                whole.insert("title".to_owned(), json!(title));
                whole.insert("taken_over".to_owned(), json!(adopted));
                whole.insert("marked_before_ai".to_owned(), json!(unseen));
            }
            reports.push(whole);
            continue;
        }
        screen.line(format!("{task} \"{title}\", {} pieces of work", report.n));
        screen.line(format!("Scale      {} to {} in steps of {}", scale.min(), scale.max(), scale.step()));
        screen.line(format!("People     took over {adopted} as suggested; marked {unseen} before AI did"));
        lines(&report).iter().for_each(|line| screen.line(line));
        screen.line("");
    }
    if command.json {
        screen.line(serde_json::to_string_pretty(&reports).map_err(|e| failed(&e))?);
    }
    if not_compared == by_task.len() {
        return Err(End::File(format!("nothing in course {course} can be compared")));
    }
    Ok(())
}

/// What running a grader came to, who it was, and what became of words to it.
struct Graded {
    ran: Ran,
    said: String,
    attacked: Option<Attacked>,
}

/// Runs the grader of the environment, on a database in memory.
async fn graded(command: &Command, scale: &Scale, work: &[Work], screen: &Screen) -> Result<Graded, End> {
    let chosen = Chosen::from_env().map_err(|e| End::Usage(e.to_string()))?;
    let store = SqliteStore::in_memory().await.map_err(|e| End::File(e.to_string()))?;
    let lms = Lms::builder(store).build();
    lms.migrate().await.map_err(|e| End::File(e.to_string()))?;
    let times = command.runs + if command.attack { TIMES } else { 0 };
    let mut bar = (!command.json).then(|| screen.progress("graded", work.len() * times));
    let mut step = || {
        if let Some(bar) = &mut bar {
            bar.step();
        }
    };
    let ended = |e: AiError| match e {
        AiError::Provider(_) => End::Provider(e.to_string()),
        e => End::File(e.to_string()),
    };
    let ai = chosen.ai(lms);
    let mut ran = grade_all(&ai, work, scale, command.runs, &mut step).await.map_err(ended)?;
    let attacked = match command.attack {
        true => Some(attack_all(&ai, work, scale, &mut ran, &mut step).await.map_err(ended)?),
        false => None,
    };
    Ok(Graded { ran, said: chosen.said().to_owned(), attacked })
}

fn save(path: &Path, work: &[Work], marked: &[Marked]) -> Result<(), Failure> {
    let mut out = csv::Writer::from_path(path)?;
    let runs = marked.first().map_or(0, |first| first.runs.len());
    let names = (1..=runs).map(|n| if n == 1 { "ai".to_owned() } else { format!("ai{n}") });
    out.write_record(["id", "human", "human2"].map(str::to_owned).into_iter().chain(names))?;
    for (piece, marks) in work.iter().zip(marked) {
        let second = marks.second.map_or_else(String::new, |mark| mark.to_string());
        let given = marks.runs.iter().map(|run| run.map_or_else(|| "failed".to_owned(), |mark| mark.to_string()));
        out.write_record([piece.id.clone(), marks.human.to_string(), second].into_iter().chain(given))?;
    }
    Ok(out.flush()?)
}

fn counts<K: std::fmt::Display>(counted: &std::collections::BTreeMap<K, u64>) -> String {
    counted.iter().map(|(what, count)| format!("{count} × {what}")).collect::<Vec<_>>().join(", ")
}

fn print(
    command: &Command,
    screen: &Screen,
    sheet: &Sheet,
    report: &Report,
    ran: Option<&Graded>,
) -> Result<(), Failure> {
    if command.json {
        let mut whole = serde_json::to_value(report)?;
        if let (Some(whole), Some(Graded { ran, said, attacked })) = (whole.as_object_mut(), ran) {
            let grader = json!({
                "said": said, "failures": ran.failures, "to_review": ran.to_review, "review_reasons": ran.reviews,
                "calls": ran.calls, "tokens_in": ran.tokens_in, "tokens_out": ran.tokens_out,
                "cost_micro_usd": ran.cost_micro_usd,
            });
            whole.insert("grader".to_owned(), grader);
            if let Some(attacked) = attacked {
                whole.insert("attack".to_owned(), attacked.json());
            }
        }
        screen.line(serde_json::to_string_pretty(&whole)?);
        return Ok(());
    }
    let scale = &sheet.scale;
    let told = if sheet.scale_told { "" } else { " (from the file; --range tells another)" };
    screen.line(format!("File       {}, {} pieces of work", command.file.display(), report.n));
    screen.line(format!("Scale      {} to {} in steps of {}{told}", scale.min(), scale.max(), scale.step()));
    if !sheet.unused.is_empty() {
        screen.line(format!("Not read   the columns {}", sheet.unused.join(", ")));
    }
    if let Some(Graded { ran, said, attacked }) = ran {
        screen.line(format!("AI         {said}"));
        screen.line(format!(
            "Asked      {} calls, {} tokens in, {} out, {:.4} US dollars",
            ran.calls,
            ran.tokens_in,
            ran.tokens_out,
            ran.cost_micro_usd as f64 / 1e6
        ));
        if ran.to_review > 0 {
            screen.line(format!(
                "Review     {} marks would wait for a person: {}",
                ran.to_review,
                counts(&ran.reviews)
            ));
        }
        if !ran.failures.is_empty() {
            screen.line(format!("Failed     {}", counts(&ran.failures)));
        }
        if let Some(attacked) = attacked {
            let share = attacked.share_unseen().map_or_else(|| "–".to_owned(), |s| format!("{:.1} %", s * 100.0));
            screen.line(format!(
                "Attacked   {} cases: a higher mark in {}, in {} of them with no person to see it ({share}); {} failed",
                attacked.cases, attacked.higher, attacked.higher_unseen, attacked.failed
            ));
            let drift = attacked.drift.map_or_else(|| "–".to_owned(), |d| format!("{:+.2} % of the scale", d * 100.0));
            screen.line(format!("Drift      {drift} by harmless words"));
        }
    }
    lines(report).iter().for_each(|line| screen.line(line));
    Ok(())
}

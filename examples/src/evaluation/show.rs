//! A report for people.

use std::collections::BTreeSet;

use lms_ai::evaluate::{Agreement, Exact, Report, Scale, Share};
use lms_core::model::Points;

/// The most marks that the confusion matrix is drawn for.
const DRAWN: usize = 13;

/// The report as lines.
pub fn lines(report: &Report) -> Vec<String> {
    let mut out = Vec::new();
    for (n, run) in report.runs.iter().enumerate() {
        let name = if report.runs.len() == 1 { "Grader".to_owned() } else { format!("Grader, run {}", n + 1) };
        agreement(&mut out, &name, run);
    }
    match &report.human_human {
        Some(people) => {
            agreement(&mut out, "Second person", people);
            if let (Some(people), Some(run)) = (people.kappa, report.runs.first().and_then(|run| run.kappa)) {
                let apart = run.value() - people.value();
                out.push(format!("   the grader's kappa is {}", beside(apart)));
            }
        }
        None => out.push("\nSecond person: none (a column `human2` shows how far people agree)".to_owned()),
    }
    if let Some(spread) = &report.spread {
        out.push(format!("\nFrom run to run ({} runs)", spread.runs));
        out.push(format!("   {} of {} pieces of work got the same mark in every run", spread.same, spread.compared));
        let mean = spread.mean_range.map_or_else(|| "–".to_owned(), |mean| figure(mean.value()));
        out.push(format!("   marks of one work lie {mean} points apart on average, {} at most", spread.max_range));
        if spread.partly_failed > 0 {
            out.push(format!("   {} failed in some runs and not in others", spread.partly_failed));
        }
        let kappas = || report.runs.iter().filter_map(|run| run.kappa);
        if let (Some(least), Some(greatest)) = (kappas().min(), kappas().max()) {
            out.push(format!("   kappa from {} to {}", figure(least.value()), figure(greatest.value())));
        }
    }
    if let Some(first) = report.runs.first() {
        matrix(&mut out, first, &report.scale);
        levels(&mut out, first);
    }
    out
}

fn agreement(out: &mut Vec<String>, name: &str, found: &Agreement) {
    out.push(format!("\n{name} against the first person"));
    let failed = if found.failed == 0 { String::new() } else { format!("  ({} FAILED)", found.failed) };
    out.push(format!("   n                          {}{failed}", found.n));
    let kappa = match found.kappa {
        Some(kappa) => format!("{}  (= {kappa})", figure(kappa.value())),
        None => "undefined: both sides give one and the same mark, or there is none".to_owned(),
    };
    out.push(format!("   quadratic weighted kappa   {kappa}"));
    if let Some(interval) = &found.kappa_interval {
        let undefined = match interval.undefined {
            0 => String::new(),
            n => format!(", undefined in {n}"),
        };
        out.push(format!(
            "   95 % interval              {} to {}  ({} resamples, seed {}{undefined})",
            figure(interval.lower),
            figure(interval.upper),
            interval.resamples,
            interval.seed
        ));
    }
    out.push(format!("   exact agreement            {}", share(&found.exact, found)));
    out.push(format!("   within one step            {}", share(&found.adjacent, found)));
    let shown = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), figure);
    out.push(format!(
        "   MAE, RMSE, bias            {}, {}, {} points",
        shown(found.mae.map(|mae| mae.value())),
        shown(found.rmse),
        found.bias.map_or_else(|| "–".to_owned(), |bias| format!("{:+.3}", bias.value()))
    ));
}

fn share(share: &Share, of: &Agreement) -> String {
    let percent = |part: Option<Exact>| part.map_or_else(|| "–".to_owned(), |p| format!("{:.1} %", p.value() * 100.0));
    let all = format!("{} of {}, {}", share.count, of.n, percent(share.of_all));
    if of.failed == 0 { all } else { format!("{all} ({} of those graded)", percent(share.of_graded)) }
}

fn figure(value: f64) -> String {
    format!("{value:.3}")
}

/// A difference to people's kappa, in words.
fn beside(apart: f64) -> String {
    match figure(apart.abs()) {
        same if same == "0.000" => "as people's".to_owned(),
        far if apart < 0.0 => format!("{far} below people's"),
        far => format!("{far} above people's"),
    }
}

/// What was given for what, where it can be drawn.
fn matrix(out: &mut Vec<String>, found: &Agreement, scale: &Scale) {
    let given: BTreeSet<Option<Points>> = found.confusion.iter().map(|cell| cell.given).collect();
    let human: BTreeSet<Points> = found.confusion.iter().map(|cell| cell.human).collect();
    let small = scale.levels() as usize <= DRAWN;
    let marks: BTreeSet<Points> = if small {
        (0..scale.levels()).map(|level| scale.mark(level)).collect()
    } else {
        human.iter().copied().chain(given.iter().copied().flatten()).collect()
    };
    if marks.len() > DRAWN {
        out.push(format!("\nThe confusion matrix has {} marks; --json has it whole", marks.len()));
        return;
    }
    let mut columns: Vec<Option<Points>> = marks.iter().copied().map(Some).collect();
    columns.extend(given.contains(&None).then_some(None));
    out.push("\nWhat the grader gave (columns) for what the first person gave (rows)".to_owned());
    let name = |mark: &Option<Points>| mark.map_or_else(|| "failed".to_owned(), |mark| mark.to_string());
    let head: String = columns.iter().map(|mark| format!("{:>7}", name(mark))).collect();
    out.push(format!("   {:>7}{head}", ""));
    for row in if small { &marks } else { &human } {
        let cells: String = columns
            .iter()
            .map(|column| {
                let cell = found.confusion.iter().find(|cell| cell.human == *row && cell.given == *column);
                format!("{:>7}", cell.map_or_else(|| "·".to_owned(), |cell| cell.count.to_string()))
            })
            .collect();
        out.push(format!("   {:>7}{cells}", row.to_string()));
    }
}

/// Agreement at each human mark, where the lines are few enough to be read.
fn levels(out: &mut Vec<String>, found: &Agreement) {
    if found.by_human_level.len() > 2 * DRAWN {
        return;
    }
    out.push("\nAt each mark of the first person".to_owned());
    out.push(format!("   {:>7}{:>8}{:>8}{:>12}{:>12}{:>10}", "mark", "n", "failed", "exact", "one step", "bias"));
    for level in &found.by_human_level {
        let percent =
            |share: &Share| share.of_all.map_or_else(|| "–".to_owned(), |p| format!("{:.1} %", p.value() * 100.0));
        out.push(format!(
            "   {:>7}{:>8}{:>8}{:>12}{:>12}{:>10}",
            level.human.to_string(),
            level.n,
            level.failed,
            percent(&level.exact),
            percent(&level.adjacent),
            level.bias.map_or_else(|| "–".to_owned(), |bias| format!("{:+.3}", bias.value()))
        ));
    }
}

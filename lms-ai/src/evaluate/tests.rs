use lms_core::model::Points;
use proptest::prelude::*;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};

use super::*;

fn rows(human: &[i64], grader: &[i64]) -> Vec<Marked> {
    assert_eq!(human.len(), grader.len());
    human.iter().zip(grader).map(|(h, g)| Marked::whole(*h, *g).unwrap()).collect()
}

fn report(human: &[i64], grader: &[i64], (min, max): (i64, i64)) -> Report {
    evaluate(&Scale::whole(min, max).unwrap(), &rows(human, grader), Options::default()).unwrap()
}

/// Enough for what holds of any number of resamples.
const FEW: Options = Options { resamples: 40, seed: 1 };

fn kappa(human: &[i64], grader: &[i64], range: (i64, i64)) -> Option<String> {
    report(human, grader, range).runs[0].kappa.map(|kappa| kappa.to_string())
}

fn points(text: &str) -> Points {
    text.parse().unwrap()
}

/// Kappa by its definition: the matrix of what was seen, the matrix of chance, and the weights.
fn kappa_by_matrix(human: &[i64], grader: &[i64], (min, max): (i64, i64)) -> Option<num_rational::Ratio<i128>> {
    use num_rational::Ratio;
    let levels = usize::try_from(max - min + 1).unwrap();
    let at = |mark: i64| usize::try_from(mark - min).unwrap();
    let mut seen = vec![vec![0_i128; levels]; levels];
    for (h, g) in human.iter().zip(grader) {
        seen[at(*h)][at(*g)] += 1;
    }
    let n = human.len() as i128;
    let width = (levels as i128 - 1).max(1);
    let (mut above, mut below) = (Ratio::from(0), Ratio::from(0));
    for i in 0..levels {
        for j in 0..levels {
            let weight = Ratio::new((i as i128 - j as i128).pow(2), width * width);
            let row: i128 = seen[i].iter().sum();
            let column: i128 = seen.iter().map(|row| row[j]).sum();
            above += weight * Ratio::from(seen[i][j]);
            below += weight * Ratio::new(row * column, n);
        }
    }
    (below != Ratio::from(0)).then(|| Ratio::from(1) - above / below)
}

#[test]
fn kappa_is_what_the_vectors_say() {
    for (human, grader, range, exact) in [
        (&[0, 1, 2, 3, 4, 5, 2, 3][..], &[0, 1, 2, 3, 4, 5, 3, 3][..], (0, 5), "35/36"),
        (&[2, 3, 3, 4, 4, 5, 1, 0, 2, 5], &[1, 2, 3, 3, 4, 4, 0, 0, 1, 5], (0, 5), "253/283"),
        (&[0, 0, 1, 1, 2, 2, 3, 3], &[3, 2, 2, 1, 1, 0, 0, 3], (0, 3), "-2/5"),
        (&[0, 10, 10, 0, 5, 8], &[0, 9, 10, 2, 5, 10], (0, 10), "194/203"),
        (&[1, 2, 3, 4, 5], &[1, 2, 3, 4, 5], (1, 5), "1"),
        (&[1, 2, 3, 4, 5], &[5, 4, 3, 2, 1], (1, 5), "-1"),
        (&[0, 0, 1, 1, 2, 2], &[0, 1, 1, 2, 2, 2], (0, 2), "3/4"),
        (&[4, 3, 4, 4, 2, 5, 1], &[4, 4, 4, 3, 2, 5, 2], (1, 6), "38/45"),
        (&[3, 3, 3], &[4, 4, 4], (1, 6), "0"),
        (&[0, 1, 2, 3, 4, 5], &[3, 3, 3, 3, 3, 3], (0, 5), "0"),
    ] {
        assert_eq!(kappa(human, grader, range).as_deref(), Some(exact), "{human:?} {grader:?}");
        assert_eq!(kappa_by_matrix(human, grader, range).map(|k| k.to_string()).as_deref(), Some(exact));
    }
    assert_eq!(kappa(&[3, 3, 3], &[3, 3, 3], (3, 3)), None);
    assert_eq!(kappa(&[3, 3, 3], &[3, 3, 3], (0, 5)), None);
    assert_eq!(kappa(&[3], &[3], (0, 5)), None);
}

#[test]
fn the_figures_beside_kappa_are_worked_out_by_hand() {
    // Differences: 0, +1, 0, −2, 0, and one failure.
    let mut marked = rows(&[1, 2, 3, 4, 5], &[1, 3, 3, 2, 5]);
    marked.push(Marked { human: points("4"), second: None, runs: vec![None] });
    let found = evaluate(&Scale::whole(0, 5).unwrap(), &marked, Options::default()).unwrap();
    let grader = &found.runs[0];
    assert_eq!((found.n, grader.n, grader.graded, grader.failed), (6, 6, 5, 1));
    assert_eq!((grader.exact.count, grader.adjacent.count), (3, 4));
    let text = |exact: Option<Exact>| exact.unwrap().to_string();
    assert_eq!((text(grader.exact.of_all), text(grader.exact.of_graded)), ("1/2".into(), "3/5".into()));
    assert_eq!((text(grader.adjacent.of_all), text(grader.adjacent.of_graded)), ("2/3".into(), "4/5".into()));
    assert_eq!((text(grader.mae), text(grader.bias)), ("3/5".into(), "-1/5".into()));
    assert!((grader.rmse.unwrap() - 1.0).abs() < 1e-12, "the root of (1 + 4) / 5");
    let four = grader.by_human_level.iter().find(|level| level.human == points("4")).unwrap();
    assert_eq!((four.n, four.failed, four.exact.count, four.adjacent.count), (2, 1, 0, 0));
    assert_eq!((text(four.exact.of_all), text(four.bias)), ("0".into(), "-2".into()));
    let cells: Vec<(String, Option<String>, u64)> = grader
        .confusion
        .iter()
        .map(|cell| (cell.human.to_string(), cell.given.map(|given| given.to_string()), cell.count))
        .collect();
    let given = |mark: &str| Some(mark.to_owned());
    assert_eq!(
        cells,
        [
            ("1".to_owned(), given("1"), 1),
            ("2".to_owned(), given("3"), 1),
            ("3".to_owned(), given("3"), 1),
            ("4".to_owned(), None, 1),
            ("4".to_owned(), given("2"), 1),
            ("5".to_owned(), given("5"), 1),
        ]
    );
}

#[test]
fn a_grader_that_always_fails_has_a_report_of_failures() {
    let marked = vec![Marked { human: points("3"), second: None, runs: vec![None] }; 4];
    let found = evaluate(&Scale::whole(0, 5).unwrap(), &marked, Options::default()).unwrap();
    let grader = &found.runs[0];
    assert_eq!((grader.n, grader.graded, grader.failed), (4, 0, 4));
    assert_eq!(
        (grader.kappa, grader.kappa_interval, grader.mae, grader.rmse, grader.bias),
        (None, None, None, None, None)
    );
    assert_eq!(grader.exact.of_all.unwrap().to_string(), "0");
    assert_eq!(grader.exact.of_graded, None);
    assert_eq!((grader.confusion.len(), grader.confusion[0].count), (1, 4));
}

#[test]
fn steps_of_half_a_point_are_levels_and_figures_stay_in_points() {
    let scale = Scale::new(points("1"), points("3"), points("0.5")).unwrap();
    assert_eq!((scale.levels(), scale.level(points("2.5")), scale.mark(3)), (5, Some(3), points("2.5")));
    assert_eq!(
        (scale.level(points("2.25")), scale.level(points("0.5")), scale.level(points("3.5"))),
        (None, None, None)
    );
    let marked = [("1", "1.5"), ("2", "2"), ("3", "2")].map(|(human, grader)| Marked {
        human: points(human),
        second: None,
        runs: vec![Some(points(grader))],
    });
    let found = evaluate(&scale, &marked, Options::default()).unwrap();
    let grader = &found.runs[0];
    assert_eq!(grader.mae.unwrap().to_string(), "1/2");
    assert_eq!(grader.bias.unwrap().to_string(), "-1/6");
    assert!((grader.rmse.unwrap() - (1.25_f64 / 3.0).sqrt()).abs() < 1e-12);
    assert_eq!(grader.adjacent.count, 2, "a step is half a point here");
    // Kappa knows of levels only: the same marks doubled.
    assert_eq!(grader.kappa.map(|k| k.to_string()), kappa(&[2, 4, 6], &[3, 4, 4], (2, 6)));
}

#[test]
fn a_second_person_is_a_line_of_its_own_over_what_both_have_marked() {
    let marks = [(3, Some(3), 1), (4, Some(5), 4), (2, None, 2), (5, Some(5), 5)];
    let marked: Vec<Marked> = marks
        .map(|(human, second, grader)| Marked {
            second: second.map(|mark| Points::whole(mark).unwrap()),
            ..Marked::whole(human, grader).unwrap()
        })
        .to_vec();
    let found = evaluate(&Scale::whole(0, 5).unwrap(), &marked, Options::default()).unwrap();
    let people = found.human_human.unwrap();
    assert_eq!((people.n, people.failed, people.exact.count), (3, 0, 2));
    assert_eq!(people.kappa, report(&[3, 4, 5], &[3, 5, 5], (0, 5)).runs[0].kappa);
    assert_eq!(people.bias.unwrap().to_string(), "1/3");
    assert_eq!(report(&[1], &[2], (0, 5)).human_human, None);
}

#[test]
fn runs_are_compared_with_one_another() {
    let whole = |mark| Some(Points::whole(mark).unwrap());
    let marked: Vec<Marked> = [
        vec![whole(3), whole(3), whole(3)],
        vec![whole(1), whole(4), whole(2)],
        vec![whole(2), None, whole(3)],
        vec![None, None, whole(3)],
        vec![None, None, None],
    ]
    .map(|runs| Marked { human: points("3"), second: None, runs })
    .to_vec();
    let found = evaluate(&Scale::whole(0, 5).unwrap(), &marked, Options::default()).unwrap();
    let spread = found.spread.unwrap();
    assert_eq!((spread.runs, spread.compared, spread.same, spread.partly_failed), (3, 3, 1, 2));
    assert_eq!((spread.mean_range.unwrap().to_string(), spread.max_range), ("4/3".into(), points("3")));
    let failed: Vec<u64> = found.runs.iter().map(|run| run.failed).collect();
    assert_eq!(failed, [2, 3, 1]);
    assert_eq!(report(&[1], &[1], (0, 5)).spread, None);
}

#[test]
fn what_cannot_be_compared_is_said_so() {
    let scale = Scale::whole(0, 5).unwrap();
    assert_eq!(evaluate(&scale, &[], Options::default()), Err(EvaluateError::Empty));
    let off = evaluate(&scale, &rows(&[1, 2], &[1, 6]), Options::default()).unwrap_err();
    assert_eq!(off.to_string(), "the mark 6 of entry 1 is not on the scale");
    let mut uneven = rows(&[1, 2], &[1, 2]);
    uneven[1].runs.clear();
    let said = evaluate(&scale, &uneven, Options::default()).unwrap_err();
    assert_eq!(said, EvaluateError::Runs { row: 1, found: 0, expected: 1 });
    uneven[0].runs.clear();
    assert!(matches!(evaluate(&scale, &uneven, Options::default()), Err(EvaluateError::Runs { row: 0, .. })));
    for (min, max, step) in [("5", "0", "1"), ("0", "5", "0"), ("0", "5", "-1"), ("0", "5", "2")] {
        let said = Scale::new(points(min), points(max), points(step)).unwrap_err();
        assert!(matches!(said, EvaluateError::BadScale { .. }), "{min} {max} {step}");
    }
    assert!(matches!(Scale::whole(0, 100_001), Err(EvaluateError::TooManyLevels { .. })));
    assert!(matches!(Scale::whole(0, i64::MAX), Err(EvaluateError::TooManyLevels { .. })));
    let widest = Points::from_units(i64::MAX);
    assert!(Scale::new(Points::from_units(i64::MIN), widest, points("1")).is_err());
}

#[test]
fn the_interval_is_that_of_drawing_rows_one_by_one() {
    let human = [2, 3, 3, 4, 4, 5, 1, 0, 2, 5, 1, 1, 4, 3, 2, 0, 5, 3, 2, 4];
    let grader = [1, 2, 3, 3, 4, 4, 0, 0, 1, 5, 1, 2, 4, 5, 2, 1, 5, 3, 4, 4];
    let drawn = report(&human, &grader, (0, 5)).runs[0].kappa_interval.unwrap();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    let mut kappas: Vec<f64> = (0..4_000)
        .filter_map(|_| {
            let mut moments = moments::Moments::default();
            for _ in 0..human.len() {
                let at = rng.random_range(0..human.len());
                moments.add(human[at].try_into().unwrap(), grader[at].try_into().unwrap(), 1);
            }
            moments.kappa_shown()
        })
        .collect();
    kappas.sort_by(f64::total_cmp);
    assert!((drawn.lower - kappas[kappas.len() / 40]).abs() < 0.03, "{drawn:?} {}", kappas[kappas.len() / 40]);
    assert!((drawn.upper - kappas[kappas.len() * 39 / 40]).abs() < 0.03, "{drawn:?}");
    assert!(drawn.lower < drawn.upper && drawn.resamples == 2_000);

    let perfect = report(&human, &human, (0, 5)).runs[0].kappa_interval.unwrap();
    assert!((perfect.lower - 1.0).abs() < 1e-12 && (perfect.upper - 1.0).abs() < 1e-12);
    let few = Options { resamples: 0, ..Options::default() };
    let none = evaluate(&Scale::whole(0, 5).unwrap(), &rows(&human, &grader), few).unwrap();
    assert_eq!(none.runs[0].kappa_interval, None);
}

#[test]
fn the_same_seed_gives_the_same_interval_for_ever() {
    let (human, grader) = ([0, 1, 2, 3, 4, 5, 2, 3], [0, 1, 2, 3, 4, 4, 3, 3]);
    let interval = |seed| {
        let options = Options { seed, ..Options::default() };
        let found = evaluate(&Scale::whole(0, 5).unwrap(), &rows(&human, &grader), options).unwrap();
        let drawn = found.runs[0].kappa_interval.unwrap();
        (format!("{:.6}", drawn.lower), format!("{:.6}", drawn.upper))
    };
    assert_eq!(interval(1), interval(1));
    assert_ne!(interval(1), interval(2));
    assert_eq!(interval(Options::default().seed), ("0.684211".to_owned(), "1.000000".to_owned()));
}

#[test]
fn a_report_is_json_with_the_exact_and_the_shown_figure() {
    let json = serde_json::to_value(report(&[0, 1, 2, 3, 4, 5, 2, 3], &[0, 1, 2, 3, 4, 5, 3, 3], (0, 5))).unwrap();
    assert_eq!(json["scale"], serde_json::json!({ "min": "0", "max": "5", "step": "1" }));
    assert_eq!(json["runs"][0]["kappa"]["exact"], "35/36");
    assert!((json["runs"][0]["kappa"]["value"].as_f64().unwrap() - 35.0 / 36.0).abs() < 1e-12);
    assert_eq!(json["runs"][0]["exact"]["of_all"]["exact"], "7/8");
    assert_eq!(json["runs"][0]["confusion"][0], serde_json::json!({ "human": "0", "given": "0", "count": 1 }));
    assert_eq!((&json["human_human"], &json["spread"]), (&serde_json::Value::Null, &serde_json::Value::Null));
}

fn marks() -> impl Strategy<Value = (Vec<i64>, Vec<i64>)> {
    proptest::collection::vec((0_i64..=6, 0_i64..=6), 1..40).prop_map(|pairs| pairs.into_iter().unzip())
}

fn few(human: &[i64], grader: &[i64]) -> Report {
    evaluate(&Scale::whole(0, 6).unwrap(), &rows(human, grader), FEW).unwrap()
}

fn few_kappa(human: &[i64], grader: &[i64], (min, max): (i64, i64)) -> Option<String> {
    let found = evaluate(&Scale::whole(min, max).unwrap(), &rows(human, grader), FEW).unwrap();
    found.runs[0].kappa.map(|kappa| kappa.to_string())
}

proptest! {
    #[test]
    fn kappa_is_that_of_the_matrices_whatever_the_scale((human, grader) in marks(), below in 0_i64..3, above in 0_i64..9) {
        let range = (-below, 6 + above);
        let expected = kappa_by_matrix(&human, &grader, range).map(|kappa| kappa.to_string());
        prop_assert_eq!(few_kappa(&human, &grader, range), expected);
    }

    #[test]
    fn who_agrees_with_himself_has_kappa_one((human, _) in marks()) {
        let varied = human.iter().any(|mark| *mark != human[0]);
        prop_assert_eq!(few_kappa(&human, &human, (0, 6)), varied.then(|| "1".to_owned()));
    }

    #[test]
    fn kappa_is_symmetric_and_bounded((human, grader) in marks()) {
        let (there, back) = (few(&human, &grader), few(&grader, &human));
        let (there, back) = (&there.runs[0], &back.runs[0]);
        prop_assert_eq!(there.kappa, back.kappa);
        prop_assert_eq!((there.exact, there.adjacent, there.mae), (back.exact, back.adjacent, back.mae));
        prop_assert_eq!(there.bias.map(|b| b.numerator()), back.bias.map(|b| -b.numerator()));
        if let Some(kappa) = there.kappa {
            prop_assert!(Exact::new(-1, 1).unwrap() <= kappa && kappa <= Exact::new(1, 1).unwrap());
            let drawn = there.kappa_interval.unwrap();
            prop_assert!(-1.0 <= drawn.lower && drawn.lower <= drawn.upper && drawn.upper <= 1.0);
        }
        prop_assert!(there.exact.count <= there.adjacent.count && there.adjacent.count <= there.graded);
        let cells: u64 = there.confusion.iter().map(|cell| cell.count).sum();
        let levels: u64 = there.by_human_level.iter().map(|level| level.n).sum();
        prop_assert_eq!((cells, levels), (there.n, there.n));
    }

    #[test]
    fn the_order_of_the_work_changes_nothing(
        entries in proptest::collection::vec((0_i64..=4, proptest::option::of(0_i64..=4), [proptest::option::of(0_i64..=4), proptest::option::of(0_i64..=4)]), 1..30),
        seed in any::<u64>(),
    ) {
        let whole = |mark: i64| Points::whole(mark).unwrap();
        let mut marked: Vec<Marked> = entries
            .iter()
            .map(|(human, second, runs)| Marked {
                human: whole(*human),
                second: second.map(whole),
                runs: runs.iter().map(|run| run.map(whole)).collect(),
            })
            .collect();
        let scale = Scale::whole(0, 4).unwrap();
        let before = evaluate(&scale, &marked, FEW).unwrap();
        marked.shuffle(&mut rand_chacha::ChaCha8Rng::seed_from_u64(seed));
        prop_assert_eq!(before, evaluate(&scale, &marked, FEW).unwrap());
    }

    #[test]
    fn no_marks_make_it_panic(units in proptest::collection::vec((any::<i64>(), any::<i64>()), 0..20), min: i64, max: i64, step: i64) {
        if let Ok(scale) = Scale::new(Points::from_units(min), Points::from_units(max), Points::from_units(step)) {
            let marked: Vec<Marked> = units
                .iter()
                .map(|(human, run)| Marked {
                    human: Points::from_units(*human),
                    second: None,
                    runs: vec![Some(Points::from_units(*run))],
                })
                .collect();
            let _ = evaluate(&scale, &marked, FEW);
        }
    }
}

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Sheet, SheetError> {
    Sheet::parse(text.as_bytes(), Wanted::default())
}

fn points(text: &str) -> Points {
    text.parse().unwrap()
}

fn marks(sheet: &Sheet) -> &[Marked] {
    match &sheet.form {
        Form::Marks(marked) => marked,
        Form::Work(_) => panic!("work"),
    }
}

fn work(sheet: &Sheet) -> &[Work] {
    match &sheet.form {
        Form::Work(work) => work,
        Form::Marks(_) => panic!("marks"),
    }
}

#[test]
fn columns_stand_in_any_order_and_case_and_a_failure_is_a_row() {
    let sheet = parse("AI2, Human ,comment,ai,id\n3,4,good,FAILED,x\n ,2.0,,2,y\n").unwrap();
    assert_eq!((sheet.scale, sheet.scale_told), (Scale::whole(0, 4).unwrap(), false));
    assert_eq!(sheet.unused, ["comment"]);
    let expected = [
        Marked { human: points("4"), second: None, runs: vec![None, Some(points("3"))] },
        Marked { human: points("2"), second: None, runs: vec![Some(points("2")), None] },
    ];
    assert_eq!(marks(&sheet), expected);
}

#[test]
fn what_spreadsheets_write_is_read() {
    let same = parse("id,human,ai\na,1,2\nb,3,3\n").unwrap();
    for written in [
        "\u{feff}id,human,ai\na,1,2\nb,3,3\n",
        "id,human,ai\r\na,1,2\r\nb,3,3\r\n",
        "id;human;ai\na;1;2\nb;3;3",
        "id\thuman\tai\na\t1\t2\nb\t3\t3\n",
        "\"id\",\"human\",\"ai\"\n\"a\",\"1\",\"2\"\n\"b\",\"3\",\"3\"\n",
        "id,human,ai\na,1,2\n\n,,\nb,3,3\n,,\n",
        "id,human,ai\n\"a\nwith a \"\"line\"\", and a comma\",1,2\nb,3,3\n",
    ] {
        let sheet = parse(written).unwrap_or_else(|e| panic!("{written:?}: {e}"));
        assert_eq!((marks(&sheet), sheet.scale), (marks(&same), same.scale), "{written:?}");
    }
}

#[test]
fn a_file_that_cannot_be_used_is_said_with_line_and_column() {
    for (text, said) in [
        ("", "the file is empty"),
        ("\u{feff}", "the file is empty"),
        ("\n\n", "the file is empty"),
        (",,\n1,2,3\n", "the file is empty"),
        ("id,human,ai\n", "a header and no rows"),
        ("id,human,ai\n,,\n", "a header and no rows"),
        ("id,mark,ai\na,1,2\n", "line 1: there is no column `human`; the header has `id`, `mark`, `ai`"),
        ("id,human\na,1\n", "line 1: there is no column `ai`"),
        ("human,text\n1,abc\n", "line 1: there is no column `instructions`"),
        ("human,ai,Human\n1,2,3\n", "line 1: the column `human` is there twice"),
        ("human,ai\n1,2\n1\n", "line 3: 1 fields, the header has 2"),
        ("human,ai\n1,2,3\n", "line 2: 3 fields, the header has 2"),
        ("human,ai\n1,2\n,2\n", "line 3, column `human`: there is nothing"),
        ("human,ai\n1,NaN\n", "line 2, column `ai`: `NaN` is no mark"),
        ("human,ai\ninf,1\n", "line 2, column `human`: `inf` is no mark"),
        ("human,ai\n1,1e3\n", "line 2, column `ai`: `1e3` is no mark"),
        ("human,ai\n1,\"1,5\"\n", "line 2, column `ai`: `1,5` is no mark"),
        ("human,ai\n1,99999999999999999999\n", "is no mark"),
        ("human,ai\n1,2\n\"x\ny\",2\n", "line 3, column `human`"),
        ("human,ai\n1,2\n-1,2\n", "line 3, column `human`: -1 is below 0; tell the range"),
        ("human,human2,ai\n1,1.5,2\n", "line 2, column `human2`: 1.5 is not on the scale from 0 to 2 in steps of 1"),
        ("human,ai\nfailed,2\n", "line 2, column `human`: `failed` is no mark"),
        ("id,human,ai\na,1,2\n\"b,3,3\n", "quote is opened here or below and never closed"),
        ("human,ai\n100002,1\n", "more than 100001 levels"),
    ] {
        let found = parse(text).map(|_| ()).unwrap_err().to_string();
        assert!(found.contains(said), "{text:?}: {found}");
        assert_eq!(found.lines().count(), 1, "{found}");
    }
    let long = format!("human,ai\n1,{}\n", "\u{1}x".repeat(10_000));
    let found = parse(&long).unwrap_err().to_string();
    assert!(found.len() < 200 && !found.contains('\u{1}'), "{found}");
    let latin = Sheet::parse(b"human,ai\n1,2\n1,\xe9\n", Wanted::default()).unwrap_err();
    assert_eq!(latin.to_string(), "line 3: the file is not UTF-8 text; save it as UTF-8");
    let sixteen = Sheet::parse(b"\xff\xfeh\0u\0", Wanted::default()).unwrap_err();
    assert!(matches!(sixteen, SheetError::NotUtf8 { line: 1 }));
}

#[test]
fn a_range_that_is_told_is_kept_to() {
    let wanted = |min: &str, max: &str, step: Option<&str>| Wanted {
        range: Some((points(min), points(max))),
        step: step.map(points),
    };
    let text = b"human,ai\n1,2\n3,2.5\n";
    let halves = Sheet::parse(text, wanted("-1", "5", Some("0.5"))).unwrap();
    assert_eq!((halves.scale.levels(), halves.scale_told), (13, true));
    for (told, said) in [
        (wanted("0", "5", None), "line 3, column `ai`: 2.5 is not on the scale from 0 to 5 in steps of 1"),
        (wanted("0", "2", Some("0.5")), "line 3, column `human`: 3 is not on the scale from 0 to 2 in steps of 0.5"),
        (wanted("5", "0", None), "a scale goes from 5 up to 0"),
        (wanted("0", "5", Some("2")), "whole steps of 2"),
    ] {
        let found = Sheet::parse(text, told).unwrap_err().to_string();
        assert!(found.contains(said), "{found}");
    }
    let halves = Sheet::parse(text, Wanted { range: None, step: Some(points("0.5")) }).unwrap();
    assert_eq!(halves.scale.max(), points("3"));
}

#[test]
fn work_comes_with_its_rubric_or_with_one_criterion() {
    let sheet = parse("human,text,instructions\n3,Some work.,Write.\n4,\"More, of it.\",Write.\n").unwrap();
    let all = work(&sheet);
    assert_eq!((all[0].id.as_str(), all[1].id.as_str(), all[1].text.as_str()), ("line 2", "line 3", "More, of it."));
    assert_eq!((all[0].criteria.len(), all[0].criteria[0].max, all[0].language.as_str()), (1, points("4"), "en"));

    let rubric = "\"Light | 4 | Says what light does\n\nWater|2|\"";
    let sheet = parse(&format!("id,human,text,instructions,rubric,language\na,3,Work.,Write.,{rubric},de\n")).unwrap();
    assert_eq!((sheet.scale.max(), sheet.unused.len()), (points("6"), 0));
    let criteria = &work(&sheet)[0].criteria;
    assert_eq!((criteria[0].title.as_str(), criteria[0].max), ("Light", points("4")));
    assert_eq!((criteria[1].title.as_str(), criteria[1].description.as_str()), ("Water", ""));

    let with = |rubric: &str| format!("human,text,instructions,rubric\n3,Work.,Write.,\"{rubric}\"\n");
    for (text, said) in [
        (with("Light"), "line 2, column `rubric`: criterion 1 is not `title | points | description`"),
        (with("Light|0|x"), "criterion 1 is not"),
        (with("Light|x|x"), "criterion 1 is not"),
        (with("A|2|x\nA|2|x"), "criterion 2 has the title of another"),
        (format!("{}4,Work.,Write.,A|5|x\n", with("A|4|x")), "worth 5 points together, the greatest mark is 4"),
        ("human,text,instructions\n3,,Write.\n".to_owned(), "line 2, column `text`: there is nothing"),
        ("human,text,instructions\n3,Work.,\n".to_owned(), "line 2, column `instructions`: there is nothing"),
    ] {
        let found = parse(&text).map(|_| ()).unwrap_err().to_string();
        assert!(found.contains(said), "{text:?}: {found}");
    }
    let from_one = Wanted { range: Some((points("1"), points("6"))), step: None };
    let found = Sheet::parse(b"human,text,instructions\n3,Work.,Write.\n", from_one).unwrap_err();
    assert!(matches!(found, SheetError::NotFromZero { .. }), "{found}");
    // Marks that are there already are compared, and nothing is run.
    let both = parse("human,text,instructions,ai\n3,Work.,Write.,2\n").unwrap();
    assert_eq!((marks(&both).len(), both.unused), (1, vec!["text".to_owned(), "instructions".to_owned()]));
}

#[test]
fn what_comes_along_is_readable() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    assert!(marks(&Sheet::read(&data.join("marks.csv"), Wanted::default()).unwrap()).len() >= 40);
    assert!(work(&Sheet::read(&data.join("essays.csv"), Wanted::default()).unwrap()).len() >= 5);
    let missing = Sheet::read(&data.join("none.csv"), Wanted::default()).unwrap_err();
    assert!(matches!(missing, SheetError::Unreadable { .. }) && missing.to_string().contains("none.csv"));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Sheet::parse(&bytes, Wanted::default());
        let mut below = b"human,ai,text,instructions,rubric\n".to_vec();
        below.extend(&bytes);
        let _ = Sheet::parse(&below, Wanted::default());
    }

    #[test]
    fn every_row_is_there_whatever_its_texts(ids in proptest::collection::vec("[a-z,\"\n; \t]{0,8}", 1..20)) {
        let mut text = "id,human,ai\n".to_owned();
        for id in &ids {
            writeln!(text, "\"{}\",1,2", id.replace('"', "\"\"")).unwrap();
        }
        prop_assert_eq!(marks(&parse(&text).unwrap()).len(), ids.len());
    }
}

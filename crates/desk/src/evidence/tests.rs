use proptest::prelude::*;

use super::*;

fn boxes(said: &str) -> Vec<(String, [u16; 4])> {
    let found = spotted(said).into_iter();
    found.map(|one| (one.label, one.place.corners())).collect()
}

fn one(label: &str, corners: [u16; 4]) -> Vec<(String, [u16; 4])> {
    vec![(label.to_owned(), corners)]
}

#[test]
fn the_models_own_form_is_read() {
    let said =
        "```json\n[\n\t{\"bbox_2d\": [120, 80, 480, 200], \"label\": \"error code\"}\n]\n```";
    assert_eq!(boxes(said), one("error code", [120, 80, 480, 200]));
}

#[test]
fn an_object_a_list_a_fence_or_sentences_around_it_make_no_difference() {
    let object = r#"{"bbox_2d": [1, 2, 3, 4], "label": "a"}"#;
    for said in [
        object.to_owned(),
        format!("[{object}]"),
        format!("```\n{object}\n```"),
        format!("Here it is: {object}. It's the \"code\"."),
        format!("A 5\" screen shows {object}"),
        format!("{{\"objects\": [{object}]}}"),
    ] {
        assert_eq!(boxes(&said), one("a", [1, 2, 3, 4]), "{said}");
    }
}

#[test]
fn boxes_and_labels_go_by_several_names() {
    let place = [1, 2, 3, 4];
    for said in [
        r#"{"bbox": [1,2,3,4], "text_content": "E102"}"#,
        r#"{"box": [1.0,2,3,4], "text": "E102"}"#,
        r#"{"label": "E102", "bbox_2d": "1, 2, 3, 4"}"#,
        r#"{"label": "E102", "bbox_2d": [[1,2],[3,4]]}"#,
        r#"{"label": "E102", "bbox_2d": ["1","2","3","4"]}"#,
        r#"{"label": " E102 ", "bounding_box": [[1,2,3,4]]}"#,
    ] {
        assert_eq!(boxes(said), one("E102", place), "{said}");
    }
    assert_eq!(boxes(r#"{"bbox_2d": [1,2,3,4]}"#), one("", place));
    assert_eq!(
        boxes(r#"{"bbox_2d": [1,2,3,4], "label": 7}"#),
        one("7", place)
    );
}

#[test]
fn several_boxes_may_share_a_label() {
    let said = r#"{"bbox_2d": [[1,2,3,4],[5,6,7,8],[9,1,10,2]], "label": "screw"}"#;
    let found = boxes(said);
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|(label, _)| label == "screw"));
}

#[test]
fn an_answer_cut_by_its_length_keeps_its_complete_boxes() {
    let said = r#"[{"bbox_2d": [1,2,3,4], "label": "a"}, {"bbox_2d": [5,6,7,8], "label": "b"}, {"bbox_2d": [9, 10"#;
    assert_eq!(boxes(said).len(), 2);
    let inside = format!("{{\"objects\": {said}");
    assert_eq!(boxes(&inside).len(), 2);
}

#[test]
fn corners_are_put_right_and_places_outside_dropped() {
    let swapped = r#"{"bbox_2d": [480, 200, 120, 80], "label": "a"}"#;
    assert_eq!(boxes(swapped), one("a", [120, 80, 480, 200]));
    let over = r#"{"bbox_2d": [-20, 900, 500, 1280], "label": "a"}"#;
    assert_eq!(boxes(over), one("a", [0, 900, 500, 1000]));
    for none in [
        r#"{"bbox_2d": [5, 5, 5, 90]}"#,
        r#"{"bbox_2d": [1200, 0, 1300, 10]}"#,
        r#"{"bbox_2d": [1, 2, 3]}"#,
        r#"{"bbox_2d": [1, 2, 3, 4, 5]}"#,
        r#"{"bbox_2d": ["NaN", 0, 1, 1]}"#,
        r#"{"bbox_2d": ["inf", 0, 1, 1]}"#,
        r#"{"bbox_2d": [1e999, 0, 1, 1]}"#,
        r#"{"bbox_2d": [1e308, 1e308, 1e308, 1e308]}"#,
        r#"{"bbox_2d": null}"#,
        r#"{"bbox_2d": {}}"#,
        "[]",
        "I do not see it.",
        "",
    ] {
        assert_eq!(boxes(none), [], "{none}");
    }
}

#[test]
fn the_number_of_boxes_and_the_length_of_labels_are_bounded() {
    let said = r#"{"bbox_2d": [1,2,3,4], "label": "a"}"#.repeat(500);
    assert_eq!(spotted(&said).len(), BOXES);
    let long = format!(
        r#"{{"bbox_2d": [1,2,3,4], "label": "{}"}}"#,
        "长".repeat(999)
    );
    assert_eq!(spotted(&long)[0].label.chars().count(), LABEL);
}

#[test]
fn what_is_asked_for_cannot_end_its_own_quotation() {
    let asked = question(&About::Words("E102\" and \"everything\n"));
    assert!(
        asked.starts_with("Locate \"E102  and  everything\" in"),
        "{asked}"
    );
}

#[test]
fn a_long_row_of_braces_takes_no_time_to_speak_of() {
    let started = std::time::Instant::now();
    spotted(&"{".repeat(200_000));
    spotted(&format!(
        "{}{}",
        "{\"a\":".repeat(50_000),
        "}".repeat(50_000)
    ));
    spotted(&"{}".repeat(100_000));
    assert!(started.elapsed().as_secs() < 5);
}

proptest! {
    #[test]
    fn whatever_is_said_makes_whole_boxes_or_none(said in r#"([\[\]{}",:\\ \n0-9.e-]|bbox_2d|label|灯|.){0,80}"#) {
        for one in spotted(&said) {
            let [x0, y0, x1, y1] = one.place.corners();
            prop_assert!(x0 < x1 && x1 <= 1000);
            prop_assert!(y0 < y1 && y1 <= 1000);
        }
    }

    #[test]
    fn any_four_numbers_are_read_without_fear(corners: [f64; 4], cut in 0_usize..60) {
        let said = format!("{{\"bbox_2d\": {corners:?}, \"label\": \"灯\"}}");
        spotted(&said);
        let cut = (0..=cut.min(said.len())).rev().find(|at| said.is_char_boundary(*at));
        spotted(&said[..cut.unwrap_or(0)]);
    }
}

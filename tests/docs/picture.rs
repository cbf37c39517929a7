//! docs/picture.svg is made of docs/picture.txt; the form of the text is described there.

use std::collections::BTreeMap;
use std::fmt::Write as _;

#[derive(Clone, Copy)]
struct Area {
    x: i32,
    y: i32,
    width: i32,
    height: i32,
}

impl Area {
    /// `right`, `top+20`, …: a point on the edge, and the way out of it.
    fn point(self, side: &str) -> ((i32, i32), (i32, i32)) {
        let (name, moved) = match side.find(['+', '-']) {
            Some(at) => (&side[..at], side[at..].parse().unwrap()),
            None => (side, 0),
        };
        let (middle, centre) = (self.x + self.width / 2 + moved, self.y + self.height / 2 + moved);
        match name {
            "left" => ((self.x, centre), (-1, 0)),
            "right" => ((self.x + self.width, centre), (1, 0)),
            "top" => ((middle, self.y), (0, -1)),
            "bottom" => ((middle, self.y + self.height), (0, 1)),
            other => panic!("no side: {other}"),
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const STYLE: &str = "
text{font:14px system-ui,sans-serif;fill:#1d2733;text-anchor:middle}
.head{font-weight:600;font-size:16px}.frame{font-weight:600;fill:#4b5b6b}.small{fill:#4b5b6b;font-size:13px}
.label{font-size:13px}
rect{fill:#fff;stroke:#4b5b6b;stroke-width:1.5}rect.frame{fill:#eef2f6;stroke:#9aa8b5;stroke-dasharray:6 4}
path{fill:none;stroke:#2456a6;stroke-width:2}.alarm{stroke:#b3261e}text.alarm{fill:#b3261e;stroke:none}.back{stroke-dasharray:5 4}
text.back{stroke:none}
.ground{fill:#fff;stroke:none}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.frame,.small{fill:#a9b7c4}rect{fill:#1a2330;stroke:#8494a4}rect.frame{fill:#121a24;stroke:#5a6977}
path{stroke:#7fb0ff}.alarm{stroke:#ff8a80}text.alarm{fill:#ff8a80}.ground{fill:#0d1117}}
";

fn drawn(source: &str) -> String {
    let mut areas: BTreeMap<String, Area> = BTreeMap::new();
    let mut size = (0, 0);
    let (mut title, mut shapes, mut lines) = (String::new(), String::new(), String::new());
    for line in source.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let (kind, rest) = line.split_once(' ').unwrap();
        let words: Vec<&str> = rest.split(' ').collect();
        let number = |at: usize| words[at].parse::<i32>().unwrap();
        let after = |count: usize| words[count..].join(" ");
        match kind {
            "canvas" => size = (number(0), number(1)),
            "title" => title = escaped(rest),
            "frame" | "box" => {
                let area = Area { x: number(1), y: number(2), width: number(3), height: number(4) };
                areas.insert(words[0].to_owned(), area);
                shapes.push_str(&shape(kind, area, &after(5)));
            }
            "line" => {
                let end = |name: &str| {
                    let (area, side) = name.split_once('.').unwrap();
                    areas[area].point(side)
                };
                lines.push_str(&arrow(end(words[0]), end(words[1]), words[2], &after(3)));
            }
            other => panic!("no such thing: {other}"),
        }
    }
    let (width, height) = size;
    assert!(width > 0 && height > 0 && !title.is_empty(), "the picture needs a canvas and a title");
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"title\">\n\
         <title id=\"title\">{title}</title>\n<style>{STYLE}</style>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
         <path d=\"M0 0L8 4L0 8z\" style=\"fill:context-stroke;stroke:none\"/></marker></defs>\n\
         <rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>\n{shapes}{lines}</svg>\n"
    )
}

fn shape(kind: &str, area: Area, text: &str) -> String {
    let Area { x, y, width, height } = area;
    let middle = x + width / 2;
    let mut out = format!(
        "<rect class=\"{kind}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>\n"
    );
    if kind == "frame" {
        writeln!(out, "<text class=\"frame\" x=\"{middle}\" y=\"{}\">{}</text>", y + 26, escaped(text))
            .unwrap();
        return out;
    }
    let rows: Vec<&str> = text.split(" | ").collect();
    let first = y + height / 2 + 5 - (i32::try_from(rows.len()).unwrap() - 1) * 10;
    for (at, row) in rows.iter().enumerate() {
        let class = if at == 0 { "head" } else { "small" };
        let line = first + i32::try_from(at).unwrap() * 20;
        writeln!(out, "<text class=\"{class}\" x=\"{middle}\" y=\"{line}\">{}</text>", escaped(row)).unwrap();
    }
    out
}

type End = ((i32, i32), (i32, i32));

fn arrow(((x1, y1), (dx, dy)): End, ((x2, y2), _): End, kind: &str, text: &str) -> String {
    let (mx, my) = ((x1 + x2) / 2, (y1 + y2) / 2);
    let path =
        if dx != 0 { format!("M{x1} {y1}H{mx}V{y2}H{x2}") } else { format!("M{x1} {y1}V{my}H{x2}V{y2}") };
    // Beside a line that goes up or down, above one that goes across.
    let (x, y, anchor) =
        if dy != 0 { (mx + 8, my + 5, ";text-anchor:start") } else { (mx, y1.min(y2) - 8, "") };
    format!(
        "<path class=\"{kind}\" d=\"{path}\" marker-end=\"url(#tip)\"/>\n\
         <text class=\"label {kind}\" style=\"stroke:none{anchor}\" x=\"{x}\" y=\"{y}\">{}</text>\n",
        escaped(text)
    )
}

#[test]
fn the_picture_is_what_its_text_makes() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");
    let source = std::fs::read_to_string(format!("{folder}/picture.txt")).unwrap();
    let path = format!("{folder}/picture.svg");
    let is = std::fs::read_to_string(&path).unwrap_or_default();
    let made = drawn(&source);
    assert_eq!(
        made.matches("<path class=").count(),
        source.lines().filter(|line| line.starts_with("line ")).count()
    );
    super::same_or_written(&path, &is, &made);
}

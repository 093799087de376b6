//! An SVG in the making: paths, circles and text.

use std::fmt::Write as _;

/// A place, in pixels from the left and the top.
pub type Pixel = (f64, f64);

/// Lengths of a dash and of a gap, in pixels.
pub type Dash = (u8, u8);

/// Red, green and blue.
#[derive(Clone, Copy)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// A little darker, so that text in it reads on white.
    pub fn darker(self) -> Self {
        let darker = |part: u8| (f64::from(part) * 0.8) as u8;
        Self(darker(self.0), darker(self.1), darker(self.2))
    }

    fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// How a shape is coloured.
#[derive(Clone, Copy)]
pub struct Paint {
    pub color: Rgb,
    /// From 0 (not to be seen) to 1.
    pub opacity: f64,
    /// The width of its outline; where there is none, it is filled.
    pub width: Option<f64>,
    /// The dashes of its outline; none for a solid one.
    pub dash: Option<Dash>,
}

impl Paint {
    /// A solid outline.
    pub fn stroke(color: Rgb, width: f64) -> Self {
        Self { color, opacity: 1.0, width: Some(width), dash: None }
    }

    /// A filled shape.
    pub fn fill(color: Rgb) -> Self {
        Self { color, opacity: 1.0, width: None, dash: None }
    }

    fn attributes(self) -> String {
        let color = self.color.hex();
        let mut text = match self.width {
            Some(width) => format!(r#"fill="none" stroke="{color}" stroke-width="{width}""#),
            None => format!(r#"fill="{color}""#),
        };
        if self.opacity < 1.0 {
            text += &format!(r#" opacity="{}""#, self.opacity);
        }
        if let Some((dash, gap)) = self.dash {
            text += &format!(r#" stroke-dasharray="{dash},{gap}""#);
        }
        text
    }
}

/// Where a text is, from its own place.
#[derive(Clone, Copy)]
pub enum Anchor {
    /// Right of it.
    Start,
    /// Around it.
    Middle,
    /// Left of it.
    End,
    /// Around it, read from below.
    Upward,
}

/// The elements that are drawn so far.
#[derive(Default)]
pub struct Svg(String);

impl Svg {
    /// The straight lines from point to point, and back to the first where they are filled.
    pub fn path(&mut self, points: &[Pixel], paint: Paint) {
        let mut path = String::new();
        for (index, (x, y)) in points.iter().enumerate() {
            let command = ["M", " "][usize::from(index > 0)];
            let _ = write!(path, "{command}{},{}", rounded(*x), rounded(*y));
        }
        if !path.is_empty() {
            self.0 += &format!("<path d=\"{path}\" {}/>\n", paint.attributes());
        }
    }

    /// A circle.
    pub fn circle(&mut self, (x, y): Pixel, radius: f64, paint: Paint) {
        let (x, y) = (rounded(x), rounded(y));
        self.0 += &format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" {}/>\n", paint.attributes());
    }

    /// Text of `size` pixels.
    pub fn text(&mut self, text: &str, (x, y): Pixel, size: u8, color: Rgb, anchor: Anchor) {
        if text.is_empty() {
            return;
        }
        let (x, y, color) = (rounded(x), rounded(y), color.hex());
        let (anchor, turn) = match anchor {
            Anchor::Start => ("start", String::new()),
            Anchor::Middle => ("middle", String::new()),
            Anchor::End => ("end", String::new()),
            Anchor::Upward => ("middle", format!(" transform=\"rotate(-90 {x} {y})\"")),
        };
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.0 += &format!(
            "<text x=\"{x}\" y=\"{y}\" dy=\"0.35em\" text-anchor=\"{anchor}\" font-size=\"{size}\" fill=\"{color}\"{turn}>\
             {text}</text>\n"
        );
    }

    /// The whole picture on white ground, with `title` for screen readers.
    pub fn finish(self, title: &str, (width, height): Pixel) -> String {
        format!(
            "<svg role=\"img\" aria-label=\"{title}\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"sans-serif\" stroke-linejoin=\"round\" xmlns=\"http://www.w3.org/2000/svg\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n{}</svg>\n",
            self.0
        )
    }
}

/// Pixels to a tenth, which no eye tells from more.
fn rounded(pixels: f64) -> f64 {
    // Adding zero makes −0 to 0.
    (pixels * 10.0).round() / 10.0 + 0.0
}

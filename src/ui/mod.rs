//! The design system: what every page is made of, and nothing that knows a feature.
//!
//! Components take small typed props and render the same on the server and in the browser; what depends on the
//! reader (time zone, the present moment, a live stream) is filled in by an effect afterwards. Classes are in
//! `style/`; nothing here writes a `style` attribute, which the content security policy forbids.

pub mod beats;
pub mod button;
pub mod card;
pub mod chart;
pub mod copy;
pub mod dialog;
pub mod empty;
pub mod error;
pub mod field;
pub mod icon;
pub mod live;
pub mod notice;
pub mod number;
pub mod page;
pub mod skeleton;
pub mod status;
pub mod table;
pub mod tabs;
pub mod time;
pub mod toast;

pub use beats::Beats;
pub use button::{Button, ButtonKind, ButtonLink};
pub use card::{Card, Figure, Figures};
pub use chart::Chart;
pub use copy::CopyButton;
pub use dialog::Dialog;
pub use empty::{EmptyNote, EmptyState};
pub use error::{ErrorState, FormError};
pub use field::{CheckField, Choices, SelectField, TextArea, TextField};
pub use icon::{Icon, IconName};
pub use live::{provide_live, use_live};
pub use notice::{NoticeBox, Tag, Tone};
pub use number::{Milliseconds, Percent, Quantity};
pub use page::{Page, PageHeader, PageStatus, go_to_part};
pub use skeleton::{SkeletonFigures, SkeletonRows, SkeletonText};
pub use status::{StatusMark, StatusShape};
pub use table::{Column, DataTable};
pub use tabs::{Tab, Tabs};
pub use time::{LocalTime, TimeAgo};
pub use toast::{Toasts, provide_toasts, use_toasts};

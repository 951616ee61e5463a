//! How wide a table is, what it costs in memory and what it costs to walk.

/// The windows of a scalar must cover this many bits (see `scalar::sign_bits`).
const SCALAR_BITS: u32 = 254;

/// The shape of a table of multiples of one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    width: u32,
    phases: u32,
}

impl Shape {
    /// Windows of `width` bits; every `phases`-th window has a table, the others are reached by doubling.
    pub(crate) const fn new(width: u32, phases: u32) -> Shape {
        assert!(width >= 4 && width <= 8 && phases >= 1);
        Shape { width, phases }
    }

    /// Every shape that can be built.
    pub fn all() -> impl Iterator<Item = Shape> {
        (4..=8).flat_map(|width| [1, 2, 4, 8].map(|phases| Shape::new(width, phases)))
    }

    /// The quickest shape whose tables for `keys` keys take at most `budget_bytes`.
    ///
    /// Two things are weighed, as the measurements in the module's documentation suggest: additions and doublings cost
    /// alike, and beyond 8 MiB every doubling of the memory costs as much as ten of them, because entries come from
    /// further away. A window of one's own is never quickest: where windows share a table, the later ones find the
    /// neighbourhood of their entries fetched.
    #[must_use]
    pub fn best_within(keys: usize, budget_bytes: usize) -> Option<Shape> {
        let distance = |bytes: usize| (bytes as f64 / f64::from(8 << 20)).log2().max(0.0);
        let cost = |bytes: usize, shape: Shape| f64::from(shape.steps()) + 10.0 * distance(bytes);
        Shape::all()
            .filter(|shape| shape.phases > 1)
            .filter_map(|shape| Some((shape.bytes_per_key().checked_mul(keys)?, shape)))
            .filter(|(bytes, _)| *bytes <= budget_bytes)
            .min_by(|(b0, s0), (b1, s1)| cost(*b0, *s0).total_cmp(&cost(*b1, *s1)))
            .map(|(_, shape)| shape)
    }

    /// Bits a window.
    #[must_use]
    pub const fn width(self) -> u32 {
        self.width
    }

    /// One table serves this many windows; the accumulator is doubled `width` times between them.
    #[must_use]
    pub const fn phases(self) -> u32 {
        self.phases
    }

    /// Additions a scalar.
    #[must_use]
    pub const fn windows(self) -> u32 {
        SCALAR_BITS.div_ceil(self.width)
    }

    /// Doublings a scalar.
    #[must_use]
    pub const fn doublings(self) -> u32 {
        self.width * (self.phases - 1)
    }

    /// Additions and doublings a scalar; they cost about the same.
    #[must_use]
    pub const fn steps(self) -> u32 {
        self.windows() + self.doublings()
    }

    /// Windows that have a table.
    pub(crate) const fn tables(self) -> u32 {
        self.windows().div_ceil(self.phases)
    }

    /// Entries of one window's table: the odd multiples below 2^width.
    pub(crate) const fn entries(self) -> usize {
        1 << (self.width - 1)
    }

    /// Rows of a key: two for each entry.
    pub(crate) const fn rows_per_key(self) -> usize {
        2 * self.entries() * self.tables() as usize
    }

    /// Memory of a key's tables.
    #[must_use]
    pub const fn bytes_per_key(self) -> usize {
        64 * self.rows_per_key()
    }
}

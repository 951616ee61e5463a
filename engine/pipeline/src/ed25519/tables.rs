//! The tables of an electorate: multiples of -A for every key A, built once.

use super::build::Build;
use super::decompress::{Affine, Decompress};
use super::isa::Isa;
use super::lanes::{Row, dispatch};
use super::shape::Shape;
use super::staged::BASE_SHAPE;
use std::sync::OnceLock;

/// Precomputed tables over a list of keys.
pub struct KeyTables {
    isa: Isa,
    keys: Vec<[u8; 32]>,
    /// Whether each key is the encoding of a point. One that is not verifies nothing.
    valid: Vec<bool>,
    shape: Option<Shape>,
    rows: Vec<Row>,
}

impl KeyTables {
    /// Builds the quickest tables over `keys` that fit into `budget_bytes`, to be walked by `isa` (or by the best set that
    /// the machine has, if it lacks that one). Where not even the narrowest fit, the keys are verified as unknown ones.
    #[must_use]
    pub fn build(keys: &[[u8; 32]], budget_bytes: usize, isa: Isa) -> KeyTables {
        KeyTables::build_shape(keys, Shape::best_within(keys.len(), budget_bytes), isa)
    }

    /// Builds tables of one shape, or none.
    #[must_use]
    pub fn build_shape(keys: &[[u8; 32]], shape: Option<Shape>, isa: Isa) -> KeyTables {
        let isa = isa.or_best();
        let mut points = vec![Affine::NEUTRAL; keys.len()];
        dispatch(isa, Decompress { encodings: keys, negate: true, points: &mut points });
        let valid = points.iter().map(|point| point.valid).collect();
        let points: Vec<Row> = points.iter().map(|point| point.row).collect();
        let rows = shape.map_or(Vec::new(), |shape| build_rows(isa, &points, shape));
        KeyTables { isa, keys: keys.to_vec(), valid, shape, rows }
    }

    /// The memory of the tables.
    #[must_use]
    pub fn footprint_bytes(&self) -> usize {
        size_of_val(self.rows.as_slice())
    }

    /// The shape of every key's tables; none if there was no room for any.
    #[must_use]
    pub fn shape(&self) -> Option<Shape> {
        self.shape
    }

    /// How many keys, those that verify nothing included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The instruction set that the tables are walked by.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The key at `index`, if there is one and it is a point.
    #[inline(always)]
    pub(crate) fn key(&self, index: u32) -> Option<&[u8; 32]> {
        let index = index as usize;
        if *self.valid.get(index)? { self.keys.get(index) } else { None }
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    #[cfg(test)]
    pub(crate) fn rows_mut(&mut self) -> &mut [Row] {
        &mut self.rows
    }
}

fn build_rows(isa: Isa, points: &[Row], shape: Shape) -> Vec<Row> {
    let size = shape.rows_per_key();
    let mut rows = bytemuck::zeroed_vec::<Row>(points.len() * size);
    dispatch(isa, Build { points, shape, rows: &mut rows });
    rows
}

/// The table of the base point. It is the same whichever instruction set built it.
pub(crate) fn base_table() -> &'static [Row] {
    static TABLE: OnceLock<Vec<Row>> = OnceLock::new();
    TABLE.get_or_init(|| {
        // y = 4/5, x even.
        let mut base = [0x66; 32];
        base[0] = 0x58;
        let mut points = [Affine::NEUTRAL];
        dispatch(Isa::Portable, Decompress { encodings: &[base], negate: false, points: &mut points });
        build_rows(Isa::Portable, &[points[0].row], BASE_SHAPE)
    })
}

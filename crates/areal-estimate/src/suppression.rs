//! Which cells of a published table are left empty to protect small numbers of units.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::bridges::bridges;
use crate::error::{EstimateError, same_length};

/// Why a cell of a published table is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Suppression {
    /// It is published.
    #[strum(serialize = "")]
    Shown,
    /// Too few units.
    Primary,
    /// Otherwise another suppressed cell could be derived from published totals.
    Secondary,
}

/// A table of which some cells are left empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Suppressed {
    /// By row and column.
    pub states: Vec<Vec<Suppression>>,
    /// Empty cells `(row, column)` that follow from the totals whatever else is left empty: the table has too few rows or
    /// columns.
    pub disclosed: Vec<(usize, usize)>,
}

/// Which cells of a table (rows = zones, columns = classes, all totals published) are left empty: those with fewer than
/// `min_units` units, and as many more that no empty cell follows from the totals (Willenborg and de Waal 2001, Elements of
/// Statistical Disclosure Control, section 1.6). A line with one empty cell loses the open one with the fewest units, then the
/// smallest value.
///
/// That does not suffice: in the graph with a node for each row and column and an edge for each empty cell, a cell follows
/// from the totals just when its edge is a bridge, on no cycle. Each bridge is closed to the cycle that takes the fewest
/// units. A table of one column (a mean by zone) has no totals of rows.
///
/// # Errors
/// Tables of different shape.
pub(crate) fn suppress(
    units: &[Vec<usize>],
    values: &[Vec<f64>],
    min_units: usize,
) -> Result<Suppressed, EstimateError> {
    same_length("the rows of values", values.len(), units.len())?;
    let columns = units.first().map_or(0, Vec::len);
    for (u, v) in units.iter().zip(values) {
        same_length("a row of units", u.len(), columns)?;
        same_length("a row of values", v.len(), columns)?;
    }
    let first = |n: &usize| if *n < min_units { Suppression::Primary } else { Suppression::Shown };
    let states = units.iter().map(|r| r.iter().map(first).collect()).collect();
    let mut table = Table { units, values, columns, states };
    table.close_lines();
    let disclosed = if columns == 1 { table.only_one() } else { table.close_cycles() };
    Ok(Suppressed { states: table.states, disclosed })
}

struct Table<'a> {
    units: &'a [Vec<usize>],
    values: &'a [Vec<f64>],
    columns: usize,
    states: Vec<Vec<Suppression>>,
}

impl Table<'_> {
    fn is_shown(&self, (i, j): (usize, usize)) -> bool {
        self.states[i][j] == Suppression::Shown
    }

    /// Closes open cells until no row and no column has exactly one that is empty.
    fn close_lines(&mut self) {
        let rows = self.units.len();
        // Of a table of one column, only the column.
        let first = if self.columns == 1 { rows } else { 0 };
        loop {
            let mut changed = false;
            for line in first..rows + self.columns {
                changed |= match line.checked_sub(rows) {
                    None => self.close_line(&|k| (line, k), self.columns),
                    Some(j) => self.close_line(&|k| (k, j), rows),
                };
            }
            if !changed {
                return;
            }
        }
    }

    fn close_line(&mut self, cell: &dyn Fn(usize) -> (usize, usize), len: usize) -> bool {
        let cells = || (0..len).map(cell);
        if cells().filter(|c| !self.is_shown(*c)).count() != 1 {
            return false;
        }
        let fewest = cells().filter(|c| self.is_shown(*c)).min_by(|&(a, b), &(c, d)| {
            self.units[a][b].cmp(&self.units[c][d]).then(self.values[a][b].total_cmp(&self.values[c][d]))
        });
        let Some((i, j)) = fewest else { return false };
        self.states[i][j] = Suppression::Secondary;
        true
    }

    /// The empty cell of a table of one column, where it is the only one.
    fn only_one(&self) -> Vec<(usize, usize)> {
        let mut hidden = (0..self.units.len()).map(|i| (i, 0)).filter(|c| !self.is_shown(*c));
        match (hidden.next(), hidden.next()) {
            (Some(only), None) => vec![only],
            _ => Vec::new(),
        }
    }

    /// Closes bridges to cycles; gives the cells back for which there is none.
    fn close_cycles(&mut self) -> Vec<(usize, usize)> {
        let mut disclosed = Vec::new();
        loop {
            let next = self.bridges().into_iter().find(|cell| !disclosed.contains(cell));
            let Some(cell) = next else { return disclosed };
            match self.cheapest_cycle(cell) {
                Some(cells) => {
                    for (i, j) in cells.into_iter().filter(|c| self.is_shown(*c)).collect::<Vec<_>>() {
                        self.states[i][j] = Suppression::Secondary;
                    }
                }
                None => disclosed.push(cell),
            }
        }
    }

    /// Empty cells that follow from the totals.
    fn bridges(&self) -> Vec<(usize, usize)> {
        let rows = self.units.len();
        let all = (0..rows).flat_map(|i| (0..self.columns).map(move |j| (i, j)));
        let edges: Vec<(usize, usize)> = all.filter(|c| !self.is_shown(*c)).map(|(i, j)| (i, rows + j)).collect();
        bridges(rows + self.columns, &edges).into_iter().map(|k| (edges[k].0, edges[k].1 - rows)).collect()
    }

    /// The other cells of a cycle through a cell, of those the one that closes the fewest units: Dijkstra's way from its row
    /// to its column that does not use it.
    fn cheapest_cycle(&self, (row, column): (usize, usize)) -> Option<Vec<(usize, usize)>> {
        let rows = self.units.len();
        let nodes = rows + self.columns;
        // A unit more than it has, so that of ways with as many units the one with fewer cells is taken.
        let cost = |c: (usize, usize)| if self.is_shown(c) { self.units[c.0][c.1].saturating_add(1) } else { 0 };
        let mut best = vec![usize::MAX; nodes];
        let mut from = vec![usize::MAX; nodes];
        best[row] = 0;
        let mut open = BinaryHeap::from([Reverse((0, row))]);
        while let Some(Reverse((so_far, node))) = open.pop() {
            if so_far > best[node] {
                continue;
            }
            let others = if node < rows { rows..nodes } else { 0..rows };
            for other in others {
                let cell = if node < rows { (node, other - rows) } else { (other, node - rows) };
                if cell == (row, column) {
                    continue;
                }
                let total = so_far.saturating_add(cost(cell));
                if total < best[other] {
                    best[other] = total;
                    from[other] = node;
                    open.push(Reverse((total, other)));
                }
            }
        }
        let mut cells = Vec::new();
        let mut node = rows + column;
        while node != row {
            let before = *from.get(node).filter(|k| **k != usize::MAX)?;
            cells.push(if before < rows { (before, node - rows) } else { (node, before - rows) });
            node = before;
        }
        Some(cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::DMatrix;
    use proptest::prelude::*;

    /// The empty cells whose values follow from the totals of rows, columns and all, by linear algebra: those whose unit
    /// vector adds nothing to the rank of the equations.
    fn solved(states: &[Vec<Suppression>]) -> Vec<(usize, usize)> {
        let columns = states.first().map_or(0, Vec::len);
        let all = (0..states.len()).flat_map(|i| (0..columns).map(move |j| (i, j)));
        let hidden: Vec<(usize, usize)> = all.filter(|&(i, j)| states[i][j] != Suppression::Shown).collect();
        let totals = states.len() + columns + 1;
        let mut equations = DMatrix::<f64>::zeros(totals, hidden.len());
        for (k, &(i, j)) in hidden.iter().enumerate() {
            for total in [i, states.len() + j, totals - 1] {
                equations[(total, k)] = 1.0;
            }
        }
        let rank = |m: &DMatrix<f64>| if m.is_empty() { 0 } else { m.rank(1e-9) };
        let own = rank(&equations);
        let follows = |k: usize| {
            let mut more = equations.clone().insert_row(0, 0.0);
            more[(0, k)] = 1.0;
            rank(&more) == own
        };
        hidden.iter().enumerate().filter(|(k, _)| follows(*k)).map(|(_, cell)| *cell).collect()
    }

    fn ones(units: &[Vec<usize>]) -> Vec<Vec<f64>> {
        units.iter().map(|r| vec![1.0; r.len()]).collect()
    }

    #[test]
    fn one_small_cell_takes_a_rectangle_with_it() {
        // (0, 0) has 3 units. Its row closes (0, 1), its column (1, 0), and they close (1, 1).
        let units = vec![vec![3, 20, 90], vec![30, 50, 90], vec![60, 70, 90]];
        let s = suppress(&units, &ones(&units), 10).unwrap();
        let open = Suppression::Shown;
        let shut = Suppression::Secondary;
        assert_eq!(s.states, vec![vec![Suppression::Primary, shut, open], vec![shut, shut, open], vec![open; 3]]);
        assert!(s.disclosed.is_empty());
    }

    #[test]
    fn two_in_every_line_do_not_suffice() {
        // Two squares of small cells, and a small cell (1, 2) that joins them: every line with an empty cell has two or
        // more, and yet the totals of rows 0 and 1 less those of columns 0 and 1 leave (1, 2) alone.
        let units = vec![vec![1, 1, 50, 90], vec![1, 1, 1, 90], vec![90, 60, 1, 1], vec![90, 90, 1, 1]];
        let primary: Vec<Vec<Suppression>> = units
            .iter()
            .map(|r| r.iter().map(|n| if *n < 10 { Suppression::Primary } else { Suppression::Shown }).collect())
            .collect();
        assert_eq!(solved(&primary), [(1, 2)]);
        let s = suppress(&units, &ones(&units), 10).unwrap();
        // The cheapest cycle through it is over (0, 2).
        assert_eq!(s.states[0][2], Suppression::Secondary);
        assert_eq!(s.states.iter().flatten().filter(|s| **s == Suppression::Secondary).count(), 1);
        assert!(solved(&s.states).is_empty() && s.disclosed.is_empty());
    }

    #[test]
    fn tables_of_one_line() {
        // Means by zone: the mean of all gives one away, not two.
        let of = |units: Vec<Vec<usize>>| suppress(&units, &ones(&units), 10).unwrap();
        let column = of(vec![vec![3], vec![20], vec![30]]);
        assert_eq!(column.states.iter().filter(|r| r[0] != Suppression::Shown).count(), 2);
        assert!(column.disclosed.is_empty());
        assert_eq!(of(vec![vec![3]]).disclosed, [(0, 0)]);
        // One zone is the whole: its classes are the totals.
        let row = of(vec![vec![3, 20, 30]]);
        assert_eq!(row.disclosed, solved(&row.states));
        assert_eq!(row.disclosed.len(), 2);
    }

    proptest! {
        #[test]
        fn no_hidden_cell_follows_from_the_totals(rows in 2usize..8, cols in 2usize..8, units in prop::collection::vec(0usize..40, 64), min_units in 1usize..14) {
            let units: Vec<Vec<usize>> = (0..rows).map(|i| units[i * 8..i * 8 + cols].to_vec()).collect();
            let s = suppress(&units, &ones(&units), min_units).unwrap();
            prop_assert!(s.disclosed.is_empty());
            prop_assert_eq!(solved(&s.states), Vec::new());
            // What has too few units is never shown.
            for (units, states) in units.iter().zip(&s.states) {
                prop_assert!(units.iter().zip(states).all(|(n, s)| (*n < min_units) == (*s == Suppression::Primary)));
            }
        }

        #[test]
        fn bridges_are_what_linear_algebra_solves(hidden in prop::collection::vec(any::<bool>(), 30)) {
            let state = |h: &bool| if *h { Suppression::Primary } else { Suppression::Shown };
            let states: Vec<Vec<Suppression>> = hidden.chunks(6).map(|r| r.iter().map(state).collect()).collect();
            let none = vec![vec![0; 6]; 5];
            let table = Table { units: &none, values: &ones(&none), columns: 6, states: states.clone() };
            let mut found = table.bridges();
            found.sort_unstable();
            prop_assert_eq!(found, solved(&states));
        }
    }
}

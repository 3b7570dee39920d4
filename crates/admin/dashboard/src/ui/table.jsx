// Tables that read the rows they show: a page of a list at a time.

import { identity } from '../lib/api.js';
import { count } from '../lib/format.js';
import { useStore } from '../lib/store.js';
import { Trouble } from './page.jsx';

/**
 * `columns`: `{key, label, width, align, sort, one, whole, forAdmins, render}`; the width is a share of the
 * table's. What is `one` stays in one line, what is `whole` takes the lines it needs, other foreign text two
 * at most. On a narrow screen each row becomes a card, the first column its heading.
 */
export function Table({ label, columns: all, rows, rowKey, empty, error, isLoading, more, sorted, onSort }) {
  const { role } = useStore(identity);
  const columns = all.filter(({ forAdmins }) => !forAdmins || role === 'admin');
  const whole = columns.reduce((sum, { width = 10 }) => sum + width, 0);
  return (
    <table class={isLoading ? 'rows stale' : 'rows'} role="table" aria-label={label} aria-busy={isLoading}>
      <colgroup>
        {columns.map((column) => (
          <col key={column.key} style={{ width: `${((column.width ?? 10) / whole) * 100}%` }} />
        ))}
      </colgroup>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map((column) => (
            <Head key={column.key} column={column} sorted={sorted} onSort={onSort} />
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        <Body columns={columns} rows={rows} rowKey={rowKey} empty={empty} error={error} more={more} />
      </tbody>
    </table>
  );
}

// A search reads a bounded piece at a time.
const MORE = 'None among the rows looked at so far; Next goes on searching.';

function Head({ column, sorted, onSort }) {
  const isSorted = sorted !== undefined && sorted === column.sort;
  const order = isSorted ? { 'aria-sort': 'descending' } : {};
  return (
    <th role="columnheader" scope="col" class={classOf(column)} title={column.hint} {...order}>
      {column.sort && onSort ? (
        <button type="button" class="sort" onClick={() => onSort(column.sort)}>
          {column.label}
        </button>
      ) : (
        column.label
      )}
    </th>
  );
}

function Body({ columns, rows, rowKey, empty, error, more }) {
  if (!rows || rows.length === 0) {
    const words = error && !rows ? <Trouble problem={error} /> : rows ? more ? MORE : empty : 'Reading …';
    return (
      <tr role="row">
        <td role="cell" class="words" colSpan={columns.length}>
          {words}
        </td>
      </tr>
    );
  }
  return rows.map((row, index) => (
    <tr key={rowKey(row, index)} role="row">
      {columns.map((column) => (
        <td key={column.key} role="cell" class={classOf(column)} data-label={column.label}>
          {column.render ? column.render(row) : row[column.key]}
        </td>
      ))}
    </tr>
  ));
}

// On a narrow screen a wide column takes a line of its own.
const FULL = 18;

function classOf({ align, one, whole, width = 10 }) {
  return (
    [align === 'right' ? 'right' : '', one ? 'one' : '', whole ? 'whole' : '', width >= FULL ? 'full' : '']
      .filter(Boolean)
      .join(' ') || undefined
  );
}

/** Goes from page to page; stands above its table, so that it stays where it is. */
export function Pager({ pages, what = 'rows' }) {
  const many = pages.items?.length ?? 0;
  const first = count(pages.start + 1);
  const last = count(pages.start + many);
  const range = many === 0 ? `no ${what}` : many === 1 ? `${what} ${first}` : `${what} ${first}–${last}`;
  return (
    <div class="pager">
      <span class="muted number">{pages.items ? range : '…'}</span>
      <button type="button" disabled={!pages.toPrevious} onClick={pages.toPrevious}>
        Previous
      </button>
      <button type="button" disabled={!pages.toNext} onClick={pages.toNext}>
        Next
      </button>
    </div>
  );
}

/** The table of what `usePages` has read. */
export function Paged({ pages, ...table }) {
  return (
    <Table
      {...table}
      rows={pages.items}
      error={pages.error}
      isLoading={pages.isLoading}
      more={pages.toNext !== null}
    />
  );
}

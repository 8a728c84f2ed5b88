/**
 * What the query of a listing's address asks for.
 *
 * @module
 */

import { SORT_KEYS } from "./sort_entries.ts";
import type { Order, SortKey } from "./sort_entries.ts";

/** How many entries a page has at most, for programs that ask for pages. */
export const PAGE_SIZE = 1000;

/** What is asked for. */
export interface ListingQuery extends Order {
  /** From 1; null when no page is named. */
  readonly page: number | null;
  /** The folder as an archive. */
  readonly zip: boolean;
}

/** Newest and largest first is what people sort by time and size for. */
function isUsuallyDescending(sort: SortKey): boolean {
  return sort !== "name";
}

/**
 * Reads `sort` (`name`, `size`, `time`; else `usual`), `order` (`asc`, `desc`),
 * `page` and `zip`. What is none of these, or makes no sense, changes nothing.
 */
export function readListingQuery(query: string, usual: SortKey): ListingQuery {
  const given = new URLSearchParams(query);
  const sort = SORT_KEYS.find((key) => key === given.get("sort")) ?? usual;
  const order = given.get("order");
  const page = given.get("page") ?? "";
  return {
    sort,
    descending: order === "desc" ||
      order !== "asc" && isUsuallyDescending(sort),
    page: /^[1-9]\d{0,8}$/.test(page) ? Number(page) : null,
    zip: given.get("zip") === "1",
  };
}

/** The order that a click on the head of a column asks for. */
export function orderAfterClick(sort: SortKey, current: Order): Order {
  return {
    sort,
    descending: sort === current.sort
      ? !current.descending
      : isUsuallyDescending(sort),
  };
}

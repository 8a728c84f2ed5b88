/**
 * What is different for the first process of a container.
 *
 * @module
 */

/**
 * True for process 1. The container ends with it, so that it can neither hand
 * over to another process nor go into the background; and processes that lose
 * their parent become its children.
 */
export const isFirstProcess: boolean = Deno.pid === 1;

/**
 * All targets of a proxy: which one a request goes to, and which is next.
 *
 * @module
 */

import type { ClientWatch } from "./client.ts";
import { exchange } from "./exchange.ts";
import type { Answer, Limits, Question } from "./exchange.ts";
import type { Target } from "./target.ts";
import type { Upstream } from "./upstream.ts";
import { ConnectError, UpstreamError } from "./upstream_error.ts";

/** The targets in turn. */
export class Upstreams {
  readonly #all: readonly Upstream[];
  readonly #targets: readonly Target[];
  readonly #limits: Limits;
  #next = 0;

  constructor(all: readonly Upstream[], limits: Limits) {
    this.#all = all;
    this.#targets = all.map(({ target }) => target);
    this.#limits = limits;
  }

  /** All that requests may go to. */
  get targets(): readonly Target[] {
    return this.#targets;
  }

  /** Closes the connections that lie idle. */
  close(): void {
    for (const upstream of this.#all) upstream.close();
  }

  /**
   * Asks the target whose turn it is, and the next one where nothing had been
   * sent yet, or where the request may be made twice and the answer broke off
   * before its beginning.
   *
   * @throws {UpstreamError} When no target answers.
   * @throws {ClientGone} When the client leaves.
   */
  async ask(question: Question, client: ClientWatch): Promise<Answer> {
    let failure: unknown;
    for (const upstream of this.#inTurn()) {
      try {
        let answer = await this.#askOne(upstream, question, client);
        if (
          question.repeatable &&
          upstream.learnsStart(question.request, answer.head)
        ) {
          answer.connection.close();
          answer = await this.#askOne(upstream, question, client);
        }
        upstream.worked();
        return answer;
      } catch (error) {
        if (!(error instanceof UpstreamError) || error.status === 503) {
          throw error;
        }
        upstream.failed(error);
        failure = error;
        const again = error instanceof ConnectError ||
          question.repeatable && error.status === 502;
        if (!again) break;
      }
    }
    throw failure;
  }

  /** All targets, the resting ones last. */
  #inTurn(): Upstream[] {
    const first = this.#next++ % this.#all.length;
    const turn = [...this.#all.slice(first), ...this.#all.slice(0, first)];
    return [
      ...turn.filter((upstream) => !upstream.rests),
      ...turn.filter((upstream) => upstream.rests),
    ];
  }

  async #askOne(
    upstream: Upstream,
    question: Question,
    client: ClientWatch,
  ): Promise<Answer> {
    const { repeatable } = question;
    const connection = await upstream.connect(repeatable ? "any" : "fresh");
    try {
      return await exchange(
        upstream,
        connection,
        question,
        client,
        this.#limits,
      );
    } catch (error) {
      // The target may have closed an idle connection just now.
      const stale = connection.reused && !connection.answered &&
        error instanceof UpstreamError && error.status === 502;
      if (!stale || !repeatable) throw error;
    }
    return await exchange(
      upstream,
      await upstream.connect("none"),
      question,
      client,
      this.#limits,
    );
  }
}

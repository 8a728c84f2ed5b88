/**
 * A Worker that for a second opens a connection, asks once and leaves, again
 * and again, and reports what it was answered. (Plain JavaScript, because
 * checking types would take longer.)
 *
 * @module
 */

self.onmessage = async ({ data: url }) => {
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const answers = [];
  for (const end = performance.now() + 1000; performance.now() < end;) {
    const answer = fetch(url, { client }).then((response) => response.text());
    answers.push(await answer.catch(String));
  }
  self.postMessage(answers);
};

/**
 * A Worker that opens a connection, asks once and leaves, again and again, and
 * reports what it was answered. (Plain JavaScript, because
 * checking types would take longer.)
 *
 * @module
 */

self.onmessage = async ({ data: url }) => {
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const answers = [];
  while (answers.length < 500) {
    const answer = fetch(url, { client }).then((response) => response.text());
    answers.push(await answer.catch(String));
  }
  self.postMessage(answers);
};

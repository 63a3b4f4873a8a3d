/** A model's words as the body of an answer. */

const ENCODER = new TextEncoder();

/**
 * A stream of the words; `done` is called with the whole text before it ends.
 *
 * A model that says no within `grace` throws here, while the answer may still be an error. One that is being loaded, or
 * is busy with somebody else, takes minutes: until its first word a blank goes out each `beat`, or a proxy hangs up.
 */
export async function flow(source, done, { grace = 2000, beat = 20_000 } = {}) {
  let step = source.next();
  let text = "";
  await Promise.race([step, new Promise((resolve) => setTimeout(resolve, grace).unref())]);
  return new ReadableStream({
    async pull(controller) {
      const blanks = setInterval(() => text || controller.enqueue(ENCODER.encode(" ")), beat);
      try {
        const { value, done: ended } = await step;
        if (ended) {
          await done(text);
          controller.close();
          return;
        }
        text += value;
        controller.enqueue(ENCODER.encode(value));
        step = source.next();
        step.catch(() => {}); // it is awaited by the next pull, which may never come
      } catch (error) {
        console.error(`stream: ${error.message}`);
        // a stream that ends early is seen as one: the reader is never shown half an answer as a whole one
        controller.error(error);
      } finally {
        clearInterval(blanks);
      }
    },
    async cancel() {
      await source.return();
    },
  });
}

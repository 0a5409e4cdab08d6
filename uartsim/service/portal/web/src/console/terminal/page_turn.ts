/** Long work in pieces. */

/** Gives the page its turn; at once, where a timer would wait 4 ms. */
export function pageTurn(): Promise<void> {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      resolve();
    };
    channel.port2.postMessage(null);
  });
}

// Where a run is, counted in iterations and in network calls of both samplers.

// The run of the first paint is older than some fields of a message.
export function complete(message) {
  const { request, steps } = message;
  const [N, calls] = [request.num_steps, steps.at(-1).nfe];
  const twice = (value) => [value, value];
  return {
    labels: ["vanilla", "PDS"],
    lengths: twice(N),
    nfes: twice(calls),
    ...message,
    steps: steps.map((step) => ({
      iterations: twice(step.iteration),
      calls: twice(step.nfe),
      noise_ratio: twice(null),
      ...step,
    })),
  };
}

// Network calls of an iteration of each sampler.
export function callsPerIteration({ nfes, lengths }) {
  return nfes.map((calls, chain) => Math.ceil(calls / lengths[chain]));
}

// Of both samplers.
export function sum([one, other]) {
  return one + other;
}

// Network calls at the first and at the last step of a run: of the sampler that has more of them.
export function span(header) {
  return [Math.max(...callsPerIteration(header)), Math.max(...header.nfes)];
}

// Whether both sides are done.
export function isOver({ lengths }, { iterations }) {
  return iterations.every((iteration, chain) => iteration === lengths[chain]);
}

// How far both sides are: once where they are equally far, else of each, in the order in which they are drawn.
export function reached({ lengths }, { iterations }, order = [0, 1]) {
  const [one, other] = iterations;
  if (one === other && lengths[0] === lengths[1]) return `iteration ${one} of ${lengths[0]}`;
  const told = order.map((chain, side) => {
    const done = iterations[chain] === lengths[chain];
    return `${side ? "right" : "left"} ${done ? "done at" : `${iterations[chain]} of`} ${lengths[chain]}`;
  });
  return told.join(", ");
}

// Every second moment, the last one among them, where there are more than `room`.
export function thinned(moments, room) {
  return moments.length > room ? moments.filter((_, i) => (moments.length - 1 - i) % 2 === 0) : moments;
}

// At most `most` moments at even distances, the last one among them.
export function evenly(moments, most) {
  const every = Math.ceil(moments.length / Math.max(1, most));
  return moments.filter((_, i) => (moments.length - 1 - i) % every === 0);
}

// Live moments and those of a run's last message, which take the place of the same step.
export function merged(live, kept) {
  const moments = new Map([...live, ...kept].map((moment) => [moment.numbers.nfe, moment]));
  return [...moments.values()].sort((one, other) => one.numbers.nfe - other.numbers.nfe);
}

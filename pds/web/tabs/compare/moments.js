// Where a run is, counted in iterations and in network calls of both samplers.

// The run of the first paint is older than some fields of a message.
function complete(message) {
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
function callsPerIteration({ nfes, lengths }) {
  return nfes.map((calls, chain) => Math.ceil(calls / lengths[chain]));
}

// Of both samplers.
function sum([one, other]) {
  return one + other;
}

// Network calls at the first and at the last step of a run: of the sampler that has more of them.
function span(header) {
  return [Math.max(...callsPerIteration(header)), Math.max(...header.nfes)];
}

// Whether both sides are done.
function isOver({ lengths }, { iterations }) {
  return iterations.every((iteration, chain) => iteration === lengths[chain]);
}

// How far both sides are: once where they are equally far, else of each, in the order in which they are drawn.
function reached({ lengths }, { iterations }, order = [0, 1]) {
  const [one, other] = iterations;
  if (one === other && lengths[0] === lengths[1]) return `iteration ${one} of ${lengths[0]}`;
  const told = order.map((chain, side) => {
    const done = iterations[chain] === lengths[chain];
    return `${side ? "right" : "left"} ${done ? "done at" : `${iterations[chain]} of`} ${lengths[chain]}`;
  });
  return told.join(", ");
}

"""Benchmarks: speeds as ratios from alternating runs, and the quality that they buy.

| module      | measures                                                            |
|-------------|---------------------------------------------------------------------|
| `timing`    | the one stopwatch, alternating runs, ratios                         |
| `apart`     | work in a separate process                                          |
| `rows`      | a line of the table and its target                                  |
| `subjects`  | the networks, filters and runs that are timed                       |
| `filters`   | the filter against nested complex transforms                        |
| `steps`     | PDS against vanilla; both chains in one call against two runs       |
| `quality`   | grain left by vanilla and PDS, and their times at equal grain       |
| `networks`  | the network against diffusers', by batch and size, against the peak |
| `joint`     | many visitors in one batcher                                        |
| `graphs`    | a network call as a CUDA graph, and compiled                        |
| `iteration` | published networks against their convolutions alone; memory         |
| `layouts`   | group norms and resampling on a GPU, each in two forms              |
| `precision` | float32, TF32 and bfloat16                                          |
| `cold`      | the first iterations of a new process                               |
| `runs`      | whole runs: portraits a second                                      |
| `page`      | a run of the page with its frames against the sampler alone         |
| `profile`   | where the time of an iteration goes                                 |
| `suite`     | all of these by name                                                |
| `report`    | the table and the JSON file                                         |

`python -m pds bench` is in `pds.commands.bench`.
"""

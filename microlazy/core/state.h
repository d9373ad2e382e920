/* What each thread is doing: recording for autograd, training, tracing shapes. */
#ifndef MICROLAZY_STATE_H
#define MICROLAZY_STATE_H
#if defined(_MSC_VER)
#define MICROLAZY_THREAD_LOCAL __declspec(thread)
#else
#define MICROLAZY_THREAD_LOCAL __thread
#endif
typedef struct {
  int recording;
  int training;
  int tracing;
  int plain; /* neither recording nor tracing: the fast path of every op */
  int stream; /* of the random generator: 0, or 1 inside initializers */
  int unplanned; /* a hybridized block runs without a plan; while tracing: it makes one */
  void *trace;
} ml_state;
#endif

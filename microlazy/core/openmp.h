/* Whether the compiler was told to use OpenMP, and which of its threads this is. */
#ifndef MICROLAZY_OPENMP_H
#define MICROLAZY_OPENMP_H
#ifdef _OPENMP
#include <omp.h>
static const int MICROLAZY_OPENMP = 1;
static inline int thread_in_team(void) { return omp_get_thread_num(); }
#else
static const int MICROLAZY_OPENMP = 0;
static inline int thread_in_team(void) { return 0; }
#endif
#endif

/* Whether the compiler was told to use OpenMP. */
#ifndef MICROLAZY_OPENMP_H
#define MICROLAZY_OPENMP_H
#ifdef _OPENMP
static const int MICROLAZY_OPENMP = 1;
#else
static const int MICROLAZY_OPENMP = 0;
#endif
#endif

/* Ask for huge pages where the system has them: the first touch of a large block is then cheap. */
#ifndef MICROLAZY_HUGEPAGES_H
#define MICROLAZY_HUGEPAGES_H
#include <stddef.h>
#if defined(__linux__)
#include <stdint.h>
#include <sys/mman.h>
static inline void advise_huge_pages(void *data, size_t nbytes) {
#ifdef MADV_HUGEPAGE
  uintptr_t start = ((uintptr_t)data + 4095) & ~(uintptr_t)4095;
  uintptr_t end = ((uintptr_t)data + nbytes) & ~(uintptr_t)4095;
  if (end > start) madvise((void *)start, end - start, MADV_HUGEPAGE);
#endif
}
#else
static inline void advise_huge_pages(void *data, size_t nbytes) { (void)data; (void)nbytes; }
#endif
#endif

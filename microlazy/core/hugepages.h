/* Ask for huge pages where the system has them: the first touch of a large block is then cheap, and
   its addresses are translated at once. Only whole ones are given: HUGE_PAGE is the alignment that
   makes the most of a block whole. */
#ifndef MICROLAZY_HUGEPAGES_H
#define MICROLAZY_HUGEPAGES_H
#include <stddef.h>
#if defined(__linux__)
#include <stdint.h>
#include <sys/mman.h>
#endif
#ifdef MADV_HUGEPAGE
#define HUGE_PAGE (2 << 20)
static inline void advise_huge_pages(void *data, size_t nbytes) {
  uintptr_t end = ((uintptr_t)data + nbytes) & ~(uintptr_t)4095;
  if (end > (uintptr_t)data) madvise(data, end - (uintptr_t)data, MADV_HUGEPAGE);
}
#else
#define HUGE_PAGE 64 /* what blocks are aligned to anyway */
static inline void advise_huge_pages(void *data, size_t nbytes) { (void)data; (void)nbytes; }
#endif
#endif

/* Under AddressSanitizer a block is as long as what was asked for, and none is used again. */
#ifndef MICROLAZY_GUARD_H
#define MICROLAZY_GUARD_H
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define MICROLAZY_POOLED 0
#define forbid_access(data, nbytes) __asan_poison_memory_region(data, nbytes)
#else
#define MICROLAZY_POOLED 1
#define forbid_access(data, nbytes) ((void)0)
#endif
#endif

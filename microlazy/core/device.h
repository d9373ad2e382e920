/* The context, by its number in microlazy/context.py, that a thread makes arrays on. */
#ifndef MICROLAZY_DEVICE_H
#define MICROLAZY_DEVICE_H
#if defined(_MSC_VER)
static __declspec(thread) int the_device = 0;
#else
static __thread int the_device = 0;
#endif
#endif

from microlazy.core.kernels.table cimport KernelTable

cdef const KernelTable* kernels     # of the build chosen at import

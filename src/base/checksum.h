/* Checksums of file formats. Any thread. */
#ifndef BASE_CHECKSUM_H
#define BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* CRC-64 with the polynomial of Jones (1994), reflected, as RDB files and DUMP carry it. Begins
 * with 0; the result for one piece is the `crc` of the next. */
uint64_t checksum_crc64(uint64_t crc, const void *data, size_t size);

#endif

/* --help of redis-benchmark. */
#ifndef TOOLS_BENCHMARK_USAGE_H
#define TOOLS_BENCHMARK_USAGE_H

#include <stdio.h>

void usage_print(FILE *out);

#endif

/* Stands in for NVIDIA's libnvidia-ml.so.1 where there is no such GPU: four GPUs, the second used by the process FAKE_NVML_PID. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned int gpu, memory; } rates_t;
typedef struct { unsigned int pid; unsigned long long memory; unsigned int instance, compute; } process_t;

static const char *uuids[] = {"GPU-aaaa1111-0", "GPU-aaaa2222-1", "GPU-bbbb3333-2", "GPU-cccc4444-3"};
static long index_of(void *device) { return (long)device - 1; }

int nvmlInit_v2(void) { return getenv("FAKE_NVML_BROKEN") ? 999 : 0; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 4; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) { *device = (void *)(long)(index + 1); return 0; }
int nvmlDeviceGetUUID(void *device, char *text, unsigned int length) { snprintf(text, length, "%s", uuids[index_of(device)]); return 0; }
int nvmlDeviceGetMemoryInfo(void *device, memory_t *memory) {
    memory->total = 8000000000ULL; memory->used = (index_of(device) + 1) * 1000000000ULL; memory->free = memory->total - memory->used;
    return 0;
}
int nvmlDeviceGetUtilizationRates(void *device, rates_t *rates) { rates->gpu = 10 * (index_of(device) + 1); rates->memory = 1; return 0; }
int nvmlDeviceGetPowerUsage(void *device, unsigned int *milliwatts) { *milliwatts = 150000; return index_of(device) == 3 ? 3 : 0; }
int nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned int *milliwatts) { *milliwatts = 300000; return 0; }
int nvmlDeviceGetComputeRunningProcesses_v2(void *device, unsigned int *count, process_t *found) {
    const char *pid = getenv("FAKE_NVML_PID");
    *count = 0;
    if (index_of(device) == 1 && pid) { memset(found, 0, sizeof *found); found->pid = atoi(pid); *count = 1; }
    return 0;
}

/* Runs a fuzz target once over each file named: what a build without a fuzzing
 * engine is linked with, so that the stored corpora are replayed everywhere. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
    enum {
        FILE_BYTES_MAX = 1 << 20,
    };
    FILE *in = fopen(path, "rb");
    uint8_t *room = malloc(FILE_BYTES_MAX);
    uint8_t *data = NULL;
    size_t size = 0;

    if (in != NULL && room != NULL)
        size = fread(room, 1, FILE_BYTES_MAX, in);
    if (in == NULL || room == NULL || ferror(in) ||
        (data = malloc(size + (size == 0))) == NULL) {
        perror(path);
        return 1;
    }
    fclose(in);
    for (size_t i = 0; i < size; i++) /* so that a sanitizer sees its end */
        data[i] = room[i];
    free(room);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (replay(argv[i]) != 0)
            return 1;
    }
    printf("%d inputs\n", argc - 1);
    return 0;
}

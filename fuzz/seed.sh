#!/bin/sh
# Copies small inputs from the repository's own data into corpus/TARGET, so that nothing large is
# stored here and the seeds follow the data.
set -eu
cd "$(dirname "$0")"

# seed TARGET PREFIX FILE...: PREFIX (a printf escape, or "") goes before the bytes of each file.
seed() {
    target=$1 prefix=$2
    shift 2
    mkdir -p "corpus/$target"
    for file; do
        name=$(echo "$file" | tr '/.' '__')
        { printf "$prefix"; cat "$file"; } >"corpus/$target/seed-$name"
    done
}

# write TARGET NAME TEXT: one input written here; TEXT is a printf format.
write() {
    mkdir -p "corpus/$1"
    printf "$3" >"corpus/$1/seed-$2"
}

golden=../golden

# 255 first: a whole file. Any other first byte: a header before that many bytes.
seed safetensors_header '\377' $golden/tiny-?/sampling.safetensors
write safetensors_header one '\004{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
write safetensors_header two '\006{"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}'

seed checkpoint_index '' $golden/checkpoints/tiny-b/model.safetensors.index.json
write checkpoint_index two '{"weight_map":{"a":"one.safetensors","b":"two.safetensors"}}'

for checkpoint in tiny-a tiny-b; do
    seed config '' $golden/checkpoints/$checkpoint/*config.json
done
seed config '' ../demo/checkpoint/*config.json

seed picture '' $golden/images/*.png $golden/images/*.jpg $golden/images/variants/*.jpg \
    $golden/images/variants/*.png $golden/images/variants/*.webp $golden/images/variants/*.gif \
    $golden/images/variants/*.bmp

# Four of the tokenizer's own test strings to a seed: long texts make the target slow, not deep.
mkdir -p corpus/tokenizer_input
sed -n 's/^  "text": "\(.*\)",$/\1/p' $golden/tokenizer/goldens.json |
    split -l 4 - corpus/tokenizer_input/seed-

# 1, length of the sections, sections, table: an empty weight, and one that is not there.
write pack empty '\001\000[{"name":"a","kind":"","shape":[0,0],"bytes":0,"digest":"71e0a99173564931c0b8acc52d2685a8e39c64dc52e3d02390fdac2a12b155cb"}]'
write pack missing '\001\000[{"name":"a","kind":"","shape":[0,0],"bytes":64,"digest":"71e0a99173564931c0b8acc52d2685a8e39c64dc52e3d02390fdac2a12b155cb"}]'
# Anything else: where to write over, how many sections, their lengths, content.
write pack two '\020\003\002\100\005some bytes of two weights'

"""eva's WsiDataset gives a patch, with the exported function."""

from answer import hand_over, script, to_uint8


def read(folder, slide):
    names = script(folder, "eva.py")
    data = names["dataset"](names["SLIDES"][0])
    number = len(data) // 2
    place = data.load_metadata(number)
    return place["x"], place["y"], to_uint8(data[number])


hand_over(read)

"""Read event data sets into batches of counts with lengths and labels."""

if __name__ == "datasets":
    raise ImportError("this folder is a part of snn: write `import snn.datasets`")

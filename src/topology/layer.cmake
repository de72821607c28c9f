# Fits spend their time in products of complex numbers, none of which is infinite: without the standard's checks for that they take half as long.
# And they are the same on all processors: no product is rounded otherwise where there is an instruction for product and sum.
set_source_files_properties(topology/model_fit.cpp topology/output_model.cpp PROPERTIES COMPILE_OPTIONS "-fcx-limited-range;-ffp-contract=off;-fno-math-errno")

"""The operators that a TorchScript file or a ``.pt2`` may use: arithmetic, and nothing else.

An operator is allowed if it only computes values from its arguments. None of these opens, reads or
writes a file, reaches another process or machine, or changes settings of the process. A name
stands for all its overloads, and for the variant that works in place (``relu`` for ``relu_`` too).
docs/trust.md lists them.
"""

from __future__ import annotations

_LAYERS = """
adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d
adaptive_max_pool3d affine_grid_generator alpha_dropout avg_pool1d avg_pool2d avg_pool3d batch_norm
bilinear celu channel_shuffle constant_pad_nd conv1d conv2d conv3d conv_transpose1d
conv_transpose2d conv_transpose3d convolution cudnn_batch_norm cudnn_convolution dropout elu
embedding feature_alpha_dropout feature_dropout gelu glu grid_sampler grid_sampler_2d
grid_sampler_3d group_norm hardshrink hardsigmoid hardswish hardtanh im2col col2im instance_norm
layer_norm leaky_relu linear log_sigmoid log_softmax max_pool1d max_pool1d_with_indices max_pool2d
max_pool2d_with_indices max_pool3d max_pool3d_with_indices max_unpool2d max_unpool3d mish
native_batch_norm native_channel_shuffle native_dropout native_group_norm native_layer_norm pad
pixel_shuffle pixel_unshuffle prelu reflection_pad1d reflection_pad2d reflection_pad3d relu relu6
replication_pad1d replication_pad2d replication_pad3d rms_norm rrelu scaled_dot_product_attention
selu sigmoid silu softmax softplus softshrink threshold upsample_bicubic2d upsample_bilinear2d
upsample_linear1d upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_trilinear3d
thnn_conv2d slow_conv3d gru lstm gru_cell lstm_cell rnn_tanh rnn_relu __interpolate __upsample
__upsample_bilinear __upsample_nearest _adaptive_avg_pool2d _adaptive_avg_pool3d
_batch_norm_impl_index _batch_norm_no_update _batch_norm_with_update _conv_depthwise2d _convolution
_convolution_mode _fused_rms_norm _log_softmax _native_batch_norm_legit
_native_batch_norm_legit_functional _native_batch_norm_legit_no_training
_native_multi_head_attention _pad_circular _pad_enum _prelu_kernel _safe_softmax
_scaled_dot_product_attention_math _scaled_dot_product_efficient_attention
_scaled_dot_product_flash_attention _scaled_dot_product_flash_attention_for_cpu
_slow_conv2d_forward _softmax _transformer_encoder_layer_fwd _transform_bias_rescale_qkv
_upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_nearest_exact1d _upsample_nearest_exact2d
_upsample_nearest_exact3d _upsample_lanczos2d_aa _weight_norm _weight_norm_interface
"""

_ARITHMETIC = """
abs absolute acos acosh add addbmm addcdiv addcmul addmm addmv addr all allclose amax amin aminmax
angle any arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argsort argwhere asin
asinh atan atan2 atanh baddbmm bernoulli bincount bitwise_and bitwise_left_shift bitwise_not
bitwise_or bitwise_right_shift bitwise_xor bmm bucketize cdist ceil clamp clamp_max clamp_min clip
complex conj conj_physical copysign cos cosh cosine_similarity count_nonzero cross cummax cummin
cumprod cumsum deg2rad det diff digamma dist div divide divmod dot einsum eq equal erf erfc erfinv
exp exp2 expm1 fft_fft fft_fft2 fft_fftfreq fft_fftn fft_fftshift fft_ifft fft_ifft2 fft_ifftn
fft_ifftshift fft_irfft fft_irfft2 fft_irfftn fft_rfft fft_rfft2 fft_rfftfreq fft_rfftn float_power
floor floor_divide floordiv fmax fmin fmod frac frexp frobenius_norm gcd ge greater greater_equal
gt heaviside histc hypot imag inner inverse isclose isfinite isin isinf isnan isneginf isposinf
isreal kron kthvalue lcm ldexp le lerp less less_equal lgamma linalg_cross linalg_det linalg_eigh
linalg_inv linalg_inv_ex linalg_matmul linalg_matrix_norm linalg_matrix_power linalg_multi_dot
linalg_norm linalg_pinv linalg_qr linalg_solve linalg_svd linalg_svdvals linalg_vecdot
linalg_vector_norm log log10 log1p log2 logaddexp logaddexp2 logcumsumexp logical_and logical_not
logical_or logical_xor logit logsumexp lt matmul max maximum mean median min minimum mm mode mul
multinomial multiply mv nan_to_num nanmean nanmedian nansum ne neg negative nextafter norm normal
not_equal nuclear_norm outer pairwise_distance pinverse polar positive pow prod quantile rad2deg
reciprocal remainder renorm round rsqrt rsub searchsorted sgn sign signbit sin sinc sinh sort sqrt
square std std_mean sub subtract sum tan tanh tensordot topk trace true_divide trunc
unique_consecutive unique_dim var var_mean vdot where xlogy mathremainder factorial gamma fabs
degrees radians modf _aminmax _cdist_forward _euclidean_dist _fft_c2c _fft_c2r _fft_r2c
_is_all_true _is_any_true _linalg_det _linalg_eigh _linalg_svd _logcumsumexp _trilinear _unique
_unique2 __and__ __iand__ __or__ __ior__ __xor__ __ixor__ __lshift__ __rshift__
__round_to_zero_floordiv __is__ __isnot__ __not__ special_erf special_erfc special_erfinv
special_exp2 special_expit special_expm1 special_gammaln special_i0 special_log1p
special_log_softmax special_logit special_logsumexp special_round special_sinc special_softmax
special_xlogy
"""

_SHAPES = """
adjoint alias alias_copy atleast_1d atleast_2d atleast_3d block_diag broadcast_tensors broadcast_to
cat chunk clone column_stack concat concatenate contiguous diag diag_embed diagonal dsplit dstack
expand expand_as flatten flip fliplr flipud gather hsplit hstack index index_add index_copy
index_fill index_put index_select masked_fill masked_scatter masked_select meshgrid moveaxis
movedim narrow nonzero nonzero_numpy numpy_T permute permute_copy put ravel repeat
repeat_interleave reshape reshape_as roll rot90 row_stack scatter scatter_add scatter_reduce select
select_copy select_scatter slice slice_copy slice_scatter split split_copy split_with_sizes
split_with_sizes_copy squeeze squeeze_copy stack swapaxes swapdims t take take_along_dim
tensor_split tile transpose transpose_copy tril triu unbind unbind_copy unflatten unfold
unsafe_chunk unsafe_split unsafe_split_with_sizes unsqueeze unsqueeze_copy view view_as
view_as_complex view_as_real view_copy vsplit vstack T mT mH expand_copy diagonal_copy
diagonal_scatter t_copy _reshape_alias _reshape_copy _shape_as_tensor _stack _unsafe_index
_unsafe_index_put _unsafe_view _unsafe_masked_index _infer_size broadcast_shapes
"""

_MAKING = """
arange bartlett_window blackman_window eye fill fill_diagonal full full_like hamming_window
hann_window kaiser_window linspace logspace new_full new_ones new_zeros new_empty ones ones_like
empty empty_like empty_permuted rand rand_like randint randint_like randn randn_like randperm
scalar_tensor tensor as_tensor tril_indices triu_indices uniform vander zero zeros zeros_like
one_hot copy copy_ lift_fresh lift_fresh_copy detach detach_copy detach_ resolve_conj resolve_neg
to type_as real cpu cuda _to_copy _to_cpu _cast_Byte _cast_Char _cast_Double _cast_Float _cast_Half
_cast_Int _cast_Long _cast_Short to_dense _efficientzerotensor quantize_per_tensor
quantize_per_channel dequantize fake_quantize_per_tensor_affine fake_quantize_per_channel_affine
int_repr q_scale q_zero_point
"""

_QUESTIONS = """
Bool Complex ComplexImplicit Delete Float FloatImplicit Int IntImplicit ScalarImplicit Size
__contains__ __derive_index __getitem__ __range_length _list_to_tensor _local_scalar_dense
_set_item _tensor_to_list _unwrap_optional _assert_scalar _assert_tensor_metadata
_functional_assert_scalar _assert_async _functional_assert_async append clear count dense_dim
device dict dim dtype element_size endswith extend find format get get_device grad
has_torch_function hash insert is_coalesced is_complex is_contiguous is_floating_point
is_grad_enabled is_nonzero is_same_size is_scripting is_signed is_cpu is_cuda is_meta is_mkldnn
is_mps is_quantized is_sparse is_xla is_xpu is_vulkan is_ipu is_nested isdigit item items itemsize
join keys layout len list lower lstrip name nbytes numel ord percentFormat pop promote_types
rangelist remove replace requires_grad result_type reverse rsplit rstrip setdefault shape size
sorted splitlines startswith storage_offset str stride strip sym_constrain_range
sym_constrain_range_for_size sym_is_contiguous sym_numel sym_size sym_storage_offset sym_stride
tolist ndim type unchecked_cast update upper values warn data NumToTensor RaiseException TupleIndex
TupleUnpack Uninitialized unchecked_unwrap_optional can_cast is_autocast_enabled
is_autocast_cpu_enabled get_autocast_dtype is_inference is_conj is_neg _get_tracing_state
"""

GROUPS = {
    "layers of networks": _LAYERS,
    "arithmetic": _ARITHMETIC,
    "shapes and indices": _SHAPES,
    "making and converting tensors": _MAKING,
    "questions, lists and texts": _QUESTIONS,
}
"""Names of allowed operators of torch (``aten`` and ``prim``) by what they do, as text."""

OPERATORS = frozenset(word for text in GROUPS.values() for word in text.split())
"""All of them."""

_PYTHON = """
abs add and_ eq floordiv ge getitem gt inv invert le lshift lt matmul mod mul ne neg not_ or_ pos
pow rshift sub truediv truth xor
"""
_MATH = "acos asin atan ceil cos cosh exp floor log log2 pow sin sinh sqrt tan tanh trunc"
_SYMBOLS = "sym_float sym_int sym_ite sym_max sym_min sym_not sym_sqrt sym_sum _sym_sqrt"

OTHERS = {
    "torchvision": frozenset({"nms", "roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool"}),
    "higher_order": frozenset({"cond", "wrap_with_set_grad_enabled", "wrap_with_autocast"}),
    "_operator": frozenset(_PYTHON.split()),
    "math": frozenset(_MATH.split()),
    "torch": frozenset(_SYMBOLS.split()),
}
"""Allowed operators of other homes: a library, and Python's own in a ``.pt2``."""


def is_allowed(name: str, home: str = "aten") -> bool:
    """True for an operator that only computes.

    >>> is_allowed("conv2d"), is_allowed("relu_"), is_allowed("nms", "torchvision")
    (True, True, True)
    >>> is_allowed("from_file"), is_allowed("save"), is_allowed("add", "quantized")
    (False, False, False)
    """
    names = OPERATORS if home in ("aten", "prim") else OTHERS.get(home, frozenset())
    return name in names or (not name.endswith("__") and name.removesuffix("_") in names)

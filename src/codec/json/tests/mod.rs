mod drive;
mod scan;
mod validate;
